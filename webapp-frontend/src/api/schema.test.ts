// @vitest-environment node
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript'
import { expect, it } from 'vitest'
import document from '../../openapi.json?raw'
import kept from './schema.d.ts?raw'

it('is what the OpenAPI document says; `make types` writes it anew', async () => {
  expect(COMMENT_HEADER + astToString(await openapiTS(document))).toBe(kept)
})

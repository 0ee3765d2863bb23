import { expect, it } from 'vitest'
import { answerFetch } from '@/testing/fakes'
import { getDocument } from './client'

const path = '/api/v1/openapi.json'

it('reports the status of a proxy that answers for the server', async () => {
  answerFetch({ [path]: new Response('<html>Bad gateway</html>', { status: 502 }) })
  await expect(getDocument()).rejects.toMatchObject({
    kind: 'garbled',
    detail: expect.stringContaining('status 502'),
  })
})

it('takes a page in place of the document for unreadable', async () => {
  answerFetch({ [path]: new Response('<html>Welcome</html>') })
  await expect(getDocument()).rejects.toMatchObject({ kind: 'garbled' })
})

it('gives the document', async () => {
  answerFetch({ [path]: { openapi: '3.1.0' } })
  expect(await getDocument()).toEqual({ openapi: '3.1.0' })
})

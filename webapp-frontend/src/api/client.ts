import createClient from 'openapi-fetch'
import { Failure, failureOf, garbled, offline } from './failure'
import type { components, paths } from './schema'

type Schemas = components['schemas']
export type Prediction = Schemas['Prediction']
export type Predictions = Schemas['Predictions']
export type ModelSummary = Schemas['ModelSummary']
export type ModelDetail = Schemas['ModelDetail']
export type Inspection = Schemas['Inspection']
export type Limits = Schemas['LimitsAnswer']
export type TensorBoardStatus = Schemas['TensorBoardStatus']
export type Card = NonNullable<ModelDetail['card']>
export type Evaluation = NonNullable<Card['evaluations']>[number]
export type Scores = Evaluation['sources'][string]
export type TrainingRecord = NonNullable<Card['training']>
export type Verdict = Prediction['verdict']
export type Reason = NonNullable<Prediction['reason']>
export type Face = Prediction['faces'][number]
export type HeatMap = NonNullable<Prediction['heat_map']>
export type SecondLook = NonNullable<Prediction['second_look']>

// looked up per call, so that tests can replace it
const client = createClient<paths>({ fetch: (request) => fetch(request) })

export const getModels = async () =>
  (await ask<Schemas['ModelList']>(client.GET('/api/v1/models'))).models

export const getModel = (name: string) =>
  ask<ModelDetail>(client.GET('/api/v1/models/{name}', { params: { path: { name } } }))

export const getLimits = () => ask<Limits>(client.GET('/api/v1/limits'))

/** Ask what a file says about itself. */
export function inspect(file: File): Promise<Inspection> {
  const form = new FormData()
  form.append('file', file, file.name)
  // openapi-fetch sends a form as it is; its type is that of the fields
  const body = form as unknown as Schemas['SingleUpload']
  return ask<Inspection>(client.POST('/api/v1/inspections', { body }))
}

export const getTensorBoard = () => ask<TensorBoardStatus>(client.GET('/api/v1/tensorboard'))

/** The OpenAPI document, which does not describe itself. */
export const getDocument = () =>
  ask<object>(
    fetch('/api/v1/openapi.json').then(async (response) => {
      const body: unknown = await response.json().catch(nullIfNoJson)
      return { data: body, error: body, response }
    }),
  )

/** A proxy's page in place of an answer is judged by its status. */
function nullIfNoJson(reason: unknown): null {
  if (reason instanceof SyntaxError) return null
  throw reason
}

interface Answer {
  // openapi-fetch widens tuples to arrays, hence the schema's own type at each call
  data?: unknown
  error?: unknown
  response: Response
}

/** Unwrap an answer, or throw the `Failure` that describes why there is none. */
async function ask<T>(call: Promise<Answer>): Promise<T> {
  const { data, error, response } = await call.catch((reason: unknown) => {
    throw reason instanceof SyntaxError ? garbled(200) : offline()
  })
  if (!response.ok) throw failureOf(response.status, error, response.headers.get('Retry-After'))
  if (typeof data !== 'object' || data === null) throw garbled(response.status)
  return data as T
}

export function asFailure(reason: unknown): Failure {
  return reason instanceof Failure ? reason : garbled(0)
}

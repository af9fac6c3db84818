import type { SimAnswer } from '../kit/serve.ts'
import type { Fields } from './objectTypes.ts'

/** Thrown anywhere while a request is handled; becomes the answer. `body` lacks status and correlationId. */
export class HubspotError extends Error {
  readonly status: number
  readonly body: Fields
  readonly headers: Record<string, string>
  edge = false

  constructor(status: number, body: Fields, headers: Record<string, string> = {}) {
    super(typeof body.message === 'string' ? body.message : 'refused')
    this.status = status
    this.body = body
    this.headers = headers
  }
}

/** The usual envelope: `{status: "error", message, correlationId, category, …}`. */
export function errorAnswer(error: HubspotError, correlationId: string): SimAnswer {
  const page = `<html><body><h1>Error ${error.status}</h1><p>Ray ID: ${correlationId}</p></body></html>`
  return {
    status: error.status,
    headers: error.headers,
    body: error.edge ? page : JSON.stringify({ status: 'error', correlationId, ...error.body }),
  }
}

/** Answers of the network's edge come as a page instead of the envelope. */
export function edgeError(status: number, headers: Record<string, string>): HubspotError {
  const error = new HubspotError(
    status,
    {},
    { ...headers, 'content-type': 'text/html; charset=UTF-8' },
  )
  error.edge = true
  return error
}

export function invalid(message: string, errors?: Fields[]): HubspotError {
  return new HubspotError(400, {
    message,
    category: 'VALIDATION_ERROR',
    ...(errors === undefined ? {} : { errors }),
  })
}

export function notFound(message = 'resource not found'): HubspotError {
  return new HubspotError(404, { message, category: 'OBJECT_NOT_FOUND' })
}

export function unknownUrl(): HubspotError {
  return new HubspotError(404, { message: 'resource not found' })
}

export function missingScopes(scopes: string[]): HubspotError {
  const link = 'https://developers.hubspot.com/scopes'
  return new HubspotError(403, {
    message:
      "This app hasn't been granted all required scopes to make this call. " +
      `Read more about required scopes here: ${link}.`,
    category: 'MISSING_SCOPES',
    errors: [
      {
        message: 'One or more of the following scopes are required.',
        context: { requiredGranularScopes: scopes },
      },
    ],
    links: { scopes: link },
  })
}

export function forbidden(message: string): HubspotError {
  return new HubspotError(403, { message, category: 'FORBIDDEN' })
}

/** Policies as HubSpot names them, with the sentence that its own client looks for. */
const policies: Record<string, string> = {
  SECONDLY: 'You have reached your secondly limit.',
  TEN_SECONDLY_ROLLING: 'You have reached your ten_secondly_rolling limit.',
  DAILY: 'You have reached your daily limit.',
}

export function limited(
  policy: string,
  appId: string,
  headers: Record<string, string> = {},
): HubspotError {
  return new HubspotError(
    429,
    {
      message: policies[policy] ?? policies.TEN_SECONDLY_ROLLING!,
      errorType: 'RATE_LIMIT',
      policyName: policy,
      groupName: `publicapi:private-apps-api-calls:${appId}`,
    },
    headers,
  )
}

import type { SimAnswer } from '../kit/serve.ts'
import type { Fields } from './objects.ts'

export type ErrorBody = { type?: string; code?: string; message: string; param?: string }

/** Thrown anywhere while a request is handled; becomes the answer. */
export class StripeError extends Error {
  readonly status: number
  readonly body: ErrorBody
  readonly headers: Record<string, string>

  constructor(status: number, body: ErrorBody, headers: Record<string, string> = {}) {
    super(body.message)
    this.status = status
    this.body = body
    this.headers = headers
  }
}

/** The usual envelope: `{"error": {code, doc_url, message, param, request_log_url, type}}`. */
export function errorAnswer(error: StripeError, requestId: string, livemode: boolean): SimAnswer {
  const { code, message, param, type = 'invalid_request_error' } = error.body
  const body: Fields = {
    ...(code === undefined
      ? {}
      : { code, doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}` }),
    message,
    ...(param === undefined ? {} : { param }),
    request_log_url: `https://dashboard.stripe.com/${livemode ? '' : 'test/'}logs/${requestId}`,
    type,
  }
  return {
    status: error.status,
    headers: error.headers,
    body: `${JSON.stringify({ error: body }, null, 2)}\n`,
  }
}

export function invalid(message: string, param?: string, code?: string): StripeError {
  return new StripeError(400, {
    message,
    ...(param === undefined ? {} : { param }),
    ...(code === undefined ? {} : { code }),
  })
}

/** `status` 404 for the object of the path, 400 for one that a parameter names. */
export function missing(status: 400 | 404, noun: string, id: string, param: string): StripeError {
  return new StripeError(status, {
    code: 'resource_missing',
    message: `No such ${noun}: '${id}'`,
    param,
  })
}

export function unknownParameter(name: string): StripeError {
  return invalid(`Received unknown parameter: ${name}`, name, 'parameter_unknown')
}

export function unknownUrl(method: string, path: string): StripeError {
  return new StripeError(404, {
    message:
      `Unrecognized request URL (${method}: ${path}). If you are trying to list objects, remove the trailing slash. ` +
      'If you are trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your code. ' +
      'Please see https://stripe.com/docs or we can help at https://support.stripe.com/.',
  })
}

export function serverError(status: number, headers: Record<string, string>): StripeError {
  return new StripeError(
    status,
    {
      type: 'api_error',
      message:
        'An unknown error occurred. (If you have any questions, we can help at https://support.stripe.com/.)',
    },
    headers,
  )
}

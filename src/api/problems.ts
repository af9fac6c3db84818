/**
 * Every kind of problem that the API answers with: what stands in docs/errors.md and at /docs/errors, where each `type`
 * points. Codes are stable; a new one may come, none changes its meaning.
 */
export type ProblemText = {
  status: number
  title: string
  /** What it means, and what to do: for people. */
  meaning: string
  remedy: string
}

export const problems = {
  'invalid-request': {
    status: 400,
    title: 'The request cannot be read',
    meaning: 'The body is not JSON, not UTF-8, not an object, or nested too deeply.',
    remedy: 'Send one JSON object, encoded in UTF-8, with `Content-Type: application/json`.',
  },
  unauthenticated: {
    status: 401,
    title: 'No valid API key',
    meaning:
      'The Authorization header is missing, malformed, or its key is unknown, revoked or expired. `detail` says which.',
    remedy:
      'Send `Authorization: Bearer <api key>`. Keys are made with `POST /v1/api-keys`; the first one is in the file that the start of the server names.',
  },
  forbidden: {
    status: 403,
    title: 'The API key may not do this',
    meaning: 'The key is valid, but has not the scope that this call needs.',
    remedy:
      'Use a key with the scope that `detail` names: `read`, `write`, `consume` or `admin`; tenants need the operator key.',
  },
  'not-found': {
    status: 404,
    title: 'Not found',
    meaning:
      'There is no such object for this API key. Objects of other tenants look exactly like objects that do not exist.',
    remedy: 'Check the id, and that the key is of the tenant that owns the object.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The path does not know this method',
    meaning: 'The path exists, but not with this method.',
    remedy: 'Use one of the methods in the `Allow` header of the answer.',
  },
  conflict: {
    status: 409,
    title: 'The state does not allow this',
    meaning:
      'What is asked for does not fit the present state of the object. `detail` says what stands against it.',
    remedy: 'Read the object again, and repeat the call when the reason is gone.',
  },
  'in-use': {
    status: 409,
    title: 'Something still uses it',
    meaning:
      'A stream with syncs or consumers, a credential with syncs, an OAuth app with credentials or a tenant with any of them is not deleted.',
    remedy: 'Delete first what uses it.',
  },
  'slug-taken': {
    status: 409,
    title: 'The slug is taken',
    meaning: 'Slugs of streams are unique within a tenant.',
    remedy: 'Choose another slug, or use the stream that has it.',
  },
  'name-taken': {
    status: 409,
    title: 'The name is taken',
    meaning: 'Names of tenants are unique.',
    remedy: 'Choose another name.',
  },
  'account-mismatch': {
    status: 409,
    title: 'The secret belongs to another account',
    meaning:
      'New properties of a credential must be of the same upstream account, in the same mode: its syncs hold that account.',
    remedy: 'Create another credential for the other account.',
  },
  'idempotency-key-reused': {
    status: 409,
    title: 'The Idempotency-Key was used for something else',
    meaning: 'In the last 24 hours this key came with another path or another body.',
    remedy: 'Use a new key for a new request, and repeat a request byte by byte.',
  },
  'idempotency-in-progress': {
    status: 409,
    title: 'The same request is still at work',
    meaning: 'A request with this Idempotency-Key was begun and has not ended.',
    remedy: 'Repeat it after the seconds in `Retry-After`: it answers what the first one did.',
  },
  'precondition-failed': {
    status: 412,
    title: 'The object has changed',
    meaning: 'The version in `If-Match` is not the present one.',
    remedy: 'Read the object again, and repeat the change with its new `ETag`.',
  },
  'too-large': {
    status: 413,
    title: 'The body is too large',
    meaning: 'Bodies may have 1 MB.',
    remedy: 'Send less at once.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is not JSON',
    meaning: 'The `Content-Type` is missing or is not `application/json`, or the body is packed.',
    remedy: 'Send JSON with `Content-Type: application/json`.',
  },
  invalid: {
    status: 422,
    title: 'Some fields are wrong',
    meaning: '`validation_errors` names each field with its reasons. Nothing was changed.',
    remedy: 'Correct the fields, and send the request again.',
  },
  'credential-rejected': {
    status: 424,
    title: 'The provider refuses the credential',
    meaning:
      'The provider was asked, and does not accept the key or token: expired, revoked, mistyped, or of another environment.',
    remedy:
      'Get a new key or token at the provider, and send it with `PATCH /v1/credentials/{id}` or a new `POST /v1/credentials`.',
  },
  'upstream-refused': {
    status: 424,
    title: 'The provider refuses the request',
    meaning:
      'The credential is accepted, but may not do this: a scope, a plan or a feature is missing.',
    remedy: 'Give the credential what `detail` names, at the provider.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    meaning: 'The API key, or the quota of the credential, is spent for the moment.',
    remedy: 'Repeat the request after the seconds in `Retry-After`.',
  },
  internal: {
    status: 500,
    title: 'Something is wrong on our side',
    meaning:
      'An error that nobody expected. It is in the log of the server under the `request_id`.',
    remedy: 'Repeat the request. If it stays, report it with the `request_id`.',
  },
  unavailable: {
    status: 503,
    title: 'A part is not reachable',
    meaning:
      'The database, Temporal or the provider does not answer at the moment. Nothing was done by halves.',
    remedy: 'Repeat the request after the seconds in `Retry-After`.',
  },
  'outcome-unknown': {
    status: 504,
    title: 'It is not known whether the write happened',
    meaning: 'A write was sent to the provider, and no answer came.',
    remedy: 'Read the object before you write it again.',
  },
} as const satisfies Record<string, ProblemText>

export type ProblemCode = keyof typeof problems

/** docs/errors.md, and the page behind every `type`. */
export function errorsPage(): string {
  const sections = Object.entries(problems).map(
    ([code, problem]) =>
      `## ${code}\n\n${problem.status} · ${problem.title}\n\n${problem.meaning}\n\n**What to do:** ${problem.remedy}\n`,
  )
  return `${intro}\n${sections.join('\n')}`
}

const intro = `# Errors

Every answer that is not a success is \`application/problem+json\` (RFC 9457):

\`\`\`json
{
  "type": "/docs/errors#invalid",
  "title": "Some fields are wrong",
  "status": 422,
  "detail": "1 field is wrong: collection_ids.0.",
  "instance": "/v1/syncs",
  "request_id": "01c0a1f2-6a0e-4f6e-9a53-0d5a5a4d1a52",
  "validation_errors": {
    "collection_ids.0": ["is no collection of this provider; did you mean \`crm:customer\`?"]
  }
}
\`\`\`

\`type\` is stable: it is the part to branch on, and its fragment is a heading on this page. \`title\` and \`detail\` are for
people and may change. \`request_id\` is also in the header \`X-Request-Id\` and in every line of the log.
`

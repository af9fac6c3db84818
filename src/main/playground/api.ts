/** Our own HTTP API, as any other client sees it. Answers are as on the wire; a problem becomes an error with its detail. */
export type Api = {
  get<T>(path: string): Promise<T>
  /** The answer's own text. */
  text(path: string): Promise<string>
  post<T>(path: string, body: object, idempotencyKey?: string): Promise<T>
}

const TIMEOUT_MS = 30_000

export function createApi(url: string, key: string, signal: AbortSignal): Api {
  async function call(
    method: string,
    path: string,
    body: string | null,
    headers: Record<string, string>,
  ): Promise<string> {
    const answer = await fetch(`${url}${path}`, {
      method,
      body,
      headers: { authorization: `Bearer ${key}`, ...headers },
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    const text = await answer.text()
    if (!answer.ok)
      throw new Error(`${method} ${path} answered ${answer.status}: ${detailOf(text)}`)
    return text
  }
  return {
    text: (path) => call('GET', path, null, {}),
    get: async (path) => JSON.parse(await call('GET', path, null, {})),
    post: async (path, body, idempotencyKey) =>
      JSON.parse(
        await call('POST', path, JSON.stringify(body), {
          'content-type': 'application/json',
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        }),
      ),
  }
}

function detailOf(text: string): string {
  try {
    const problem = JSON.parse(text) as {
      detail?: string
      title?: string
      validation_errors?: object
    }
    const fields =
      problem.validation_errors === undefined ? '' : ` ${JSON.stringify(problem.validation_errors)}`
    return `${problem.detail ?? problem.title ?? text}${fields}`
  } catch {
    return text.slice(0, 200)
  }
}

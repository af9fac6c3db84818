import type { Random } from './random.ts'

/**
 * `rate_limit`, `server_error`, `unauthorized`, `forbidden`: answered in the provider's own shape.
 * `reset`: the connection is reset. `cut`: it ends in mid-body. `slow`: the body drips. `html`: a page instead of JSON.
 * `latency`: the answer comes later. In all of these the request itself was carried out.
 * `stall`: the request is accepted and never answered.
 */
export const faultKinds = [
  'rate_limit',
  'server_error',
  'unauthorized',
  'forbidden',
  'reset',
  'cut',
  'slow',
  'html',
  'latency',
  'stall',
] as const

export type FaultRule = {
  kind: (typeof faultKinds)[number]
  /** Only paths like this, `*` stands for anything; with a `?` in it the query is compared too. Default: all. */
  path?: string
  method?: string
  /** Gone after so many hits. Default: stays. */
  count?: number
  /** Lets so many matching requests pass first. */
  skip?: number
  /** Default 1. */
  probability?: number
  /** `server_error`: default 500. `html`: default 200. */
  status?: number
  /** `Retry-After`, as sent. Default: no such header. */
  retryAfter?: string | number
  /** The provider's own header that says whether to try again. Default: no such header. */
  shouldRetry?: boolean
  /** The provider's own code of the error, where the default is not meant. */
  code?: string
  /** `latency`, `slow`: how long. Default 1000. */
  ms?: number
  /** `reset`, `cut`: body bytes sent before. Default: `reset` none, not even headers; `cut` half. */
  bytes?: number
}

export type Faults = {
  /** Later rules are asked after earlier ones. */
  add(rule: FaultRule): { readonly hits: number; remove(): void }
  list(): (FaultRule & { hits: number })[]
  clear(): void
  /** What happens to this request: latencies add up, of the others the first that hits. */
  play(method: string, path: string, query: string): { fault: FaultRule | null; delayMs: number }
}

type State = {
  rule: FaultRule
  matches(method: string, url: string, path: string): boolean
  passed: number
  hits: number
}

/** Fault switches; chance comes from `random`, so a run can be repeated. */
export function createFaults(random: Random): Faults {
  let states: State[] = []
  return {
    add: (rule) => {
      const state: State = { rule, matches: matcher(rule), passed: 0, hits: 0 }
      states.push(state)
      return {
        get hits() {
          return state.hits
        },
        remove: () => {
          states = states.filter((other) => other !== state)
        },
      }
    },
    list: () => states.map(({ rule, hits }) => ({ ...rule, hits })),
    clear: () => {
      states = []
    },
    play: (method, path, query) => {
      if (states.length === 0) return { fault: null, delayMs: 0 }
      const url = `${path}?${decoded(query)}`
      let fault: FaultRule | null = null
      let delayMs = 0
      for (const state of states) {
        const { rule } = state
        if (fault !== null && rule.kind !== 'latency') continue
        if (!state.matches(method, url, path)) continue
        if (rule.count !== undefined && state.hits >= rule.count) continue
        if (state.passed < (rule.skip ?? 0)) {
          state.passed += 1
          continue
        }
        if (rule.probability !== undefined && !random.chance(rule.probability)) continue
        state.hits += 1
        if (rule.kind === 'latency') delayMs += rule.ms ?? 1000
        else fault = rule
      }
      return { fault, delayMs }
    },
  }
}

function matcher(rule: FaultRule): State['matches'] {
  const whole = rule.path?.includes('?') ?? false
  const pattern =
    rule.path === undefined ? null : new RegExp(`^${rule.path.split('*').map(escaped).join('.*')}$`)
  return (method, url, path) =>
    (rule.method === undefined || rule.method === method) &&
    (pattern === null || pattern.test(whole ? url : path))
}

function escaped(text: string): string {
  return text.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
}

function decoded(query: string): string {
  try {
    return decodeURIComponent(query)
  } catch {
    return query
  }
}

import { createRollingWindow } from '../kit/window.ts'
import type { RollingWindow } from '../kit/window.ts'
import type { Grant } from './auth.ts'
import { limited } from './errors.ts'
import type { Portal } from './portal.ts'

export type Limiter = {
  /** Counts the request; throws 429 when `limits` are on and it is one too many. Returns the headers of the answer. */
  take(grant: Grant, searching: boolean): Record<string, string>
  /** Requests of private apps since the portal's midnight, and when that comes again (milliseconds). */
  daily(): { used: number; resetsMs: number }
}

const intervalMs = 10_000

/** Ten-second window by app, the day by portal, and the second of search by portal. */
export function createLimiter(portal: Portal): Limiter {
  const windows = new Map<string, RollingWindow>()
  const windowOf = (name: string, ms: number) => {
    let window = windows.get(name)
    if (window === undefined) windows.set(name, (window = createRollingWindow(ms, portal.now)))
    return window
  }
  let day = ''
  let used = 0
  const dailyUsed = () => {
    const today = localTime(portal.settings.timeZone, portal.now()).day
    if (today !== day) used = 0
    day = today
    return used
  }
  return {
    take: (grant, searching) => {
      const { settings } = portal
      const own = grant.kind === 'private'
      const window = windowOf(searching ? 'search' : grant.app, searching ? 1000 : intervalMs)
      const burst = own ? settings.burstPer10s : settings.oauthBurstPer10s
      const max = searching ? settings.searchPerSecond : burst
      const dayLeft = settings.daily - dailyUsed()
      const headers = (count: number, left: number): Record<string, string> =>
        searching
          ? {}
          : {
              'x-hubspot-ratelimit-interval-milliseconds': String(intervalMs),
              'x-hubspot-ratelimit-max': String(max),
              'x-hubspot-ratelimit-remaining': String(Math.max(0, max - count)),
              'x-hubspot-ratelimit-secondly': String(Math.floor(max / 10)),
              'x-hubspot-ratelimit-secondly-remaining': String(Math.floor(max / 10)),
              ...(own
                ? {
                    'x-hubspot-ratelimit-daily': String(settings.daily),
                    'x-hubspot-ratelimit-daily-remaining': String(Math.max(0, left)),
                  }
                : {}),
            }
      if (settings.limits) {
        const count = window.count()
        if (own && dayLeft <= 0) throw limited('DAILY', grant.app, headers(count, 0))
        if (count >= max) {
          const policy = searching ? 'SECONDLY' : 'TEN_SECONDLY_ROLLING'
          throw limited(policy, grant.app, headers(count, dayLeft))
        }
      }
      window.add()
      if (own) used += 1
      return headers(window.count(), settings.daily - used)
    },
    daily: () => ({
      used: dailyUsed(),
      resetsMs: portal.now() + localTime(portal.settings.timeZone, portal.now()).leftMs,
    }),
  }
}

/** The day as a text, and milliseconds until it ends by the clock on the wall there. */
function localTime(timeZone: string, ms: number): { day: string; leftMs: number } {
  const parts = Object.fromEntries(
    formatOf(timeZone)
      .formatToParts(ms)
      .map(({ type, value }) => [type, value]),
  )
  const sinceMidnightS =
    Number(parts.hour) * 3600 + Number(parts.minute) * 60 + Number(parts.second)
  return {
    day: `${parts.year}-${parts.month}-${parts.day}`,
    leftMs: 86_400_000 - sinceMidnightS * 1000 - (ms % 1000),
  }
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    formats.set(timeZone, format)
  }
  return format
}

import type { Limiter } from './limits.ts'
import { unknownUrl } from './errors.ts'
import type { Portal } from './portal.ts'
import type { Fields } from './objectTypes.ts'

/** `GET /account-info/v3/…` */
export function accountInfo(portal: Portal, limiter: Limiter, parts: string[]): Fields {
  const path = parts.join('/')
  if (path === 'details') return details(portal)
  if (path === 'api-usage/daily/private-apps' || path === 'api-usage/daily') {
    return usage(portal, limiter)
  }
  throw unknownUrl()
}

function details(portal: Portal): Fields {
  const { timeZone } = portal.settings
  const offsetMs = offsetOf(timeZone, portal.now())
  const sign = offsetMs < 0 ? '-' : '+'
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  const minutes = Math.abs(offsetMs) / 60_000
  return {
    portalId: Number(portal.id),
    accountType: 'STANDARD',
    timeZone,
    companyCurrency: 'USD',
    additionalCurrencies: ['EUR'],
    utcOffset: `${sign}${two(minutes / 60)}:${two(minutes % 60)}`,
    utcOffsetMilliseconds: offsetMs,
    uiDomain: 'app.hubspot.com',
    dataHostingLocation: 'na1',
  }
}

function usage(portal: Portal, limiter: Limiter): Fields {
  const { used, resetsMs } = limiter.daily()
  return {
    results: [
      {
        name: 'private-apps-api-calls-daily',
        usageLimit: portal.settings.daily,
        currentUsage: used,
        collectedAt: new Date(portal.now()).toISOString(),
        fetchStatus: 'SUCCESS',
        resetsAt: new Date(resetsMs).toISOString(),
      },
    ],
  }
}

function offsetOf(timeZone: string, ms: number): number {
  const name = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
    .formatToParts(ms)
    .find(({ type }) => type === 'timeZoneName')!.value
  const [, sign, hours, minutes] = /GMT([+-])(\d+):(\d+)/.exec(name) ?? ['', '+', '0', '0']
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

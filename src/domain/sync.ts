/** What was asked of a sync. `deleted` is only seen while its records are being purged. */
export type SyncStatus = 'active' | 'paused' | 'deleted'

export type CollectionPhase = 'waiting' | 'backfilling' | 'live' | 'blocked' | 'paused'

/** `provider:name`, the global id of a collection. */
export function collectionId(provider: string, name: string): string {
  return `${provider}:${name}`
}

export function collectionName(id: string): string {
  return id.slice(id.indexOf(':') + 1)
}

export type RateLimit = {
  allowed_requests: number
  interval: number
  max_concurrent_requests: number
}

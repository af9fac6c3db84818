import { AppError } from '../domain/error.ts'

/** As on the wire: a value, or several of which one must fit; `*`: any. All that are given must fit. */
export type Filters = {
  provider?: string | string[]
  sync_id?: string | string[]
  collection_id?: string | string[]
  external_id?: string | string[]
  /** What the metadata of the sync must contain. */
  metadata?: Record<string, unknown>
}

const lists = ['provider', 'sync_id', 'collection_id', 'external_id'] as const

/** What stream_sources_v1 takes; null: all of the stream. */
export type SourceFilter = Record<string, unknown> | null

/** Throws AppError `invalid` for metadata that holds `\u0000`, which no stored metadata can contain. */
export function sourceFilter(filters: Filters): SourceFilter {
  const filter: Record<string, unknown> = {}
  for (const name of lists) {
    const wanted = filters[name]
    const values = typeof wanted === 'string' ? [wanted] : wanted
    if (values !== undefined && !values.includes('*')) {
      filter[name] = name === 'sync_id' ? values.map((value) => value.toLowerCase()) : values
    }
  }
  if (filters.metadata !== undefined && Object.keys(filters.metadata).length > 0)
    filter.metadata = filters.metadata
  if (JSON.stringify(filter).includes('\\u0000')) {
    throw new AppError('invalid', 'A filter cannot hold the character U+0000.', {
      fields: { filters: ['holds the character U+0000, which nothing stored contains'] },
    })
  }
  return Object.keys(filter).length === 0 ? null : filter
}

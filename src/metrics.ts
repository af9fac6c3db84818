import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

export type Metrics = {
  registry: Registry
  /** One a provider request: how it ended, and how long it took. */
  upstreamRequests: Histogram<'provider' | 'kind' | 'outcome'>
  /** Waiting for quota before a request. */
  quotaWait: Histogram<'provider' | 'kind'>
  /** Observations that a page brought, by what became of them. */
  records: Counter<'provider' | 'path' | 'outcome'>
  pages: Counter<'provider' | 'path'>
  /** Commits of pages. */
  writes: Histogram<'path'>
  /** From the change upstream to the commit, where the provider says when it was. */
  freshness: Histogram<'provider'>
  /** From a hint (webhook, event without a body, sweep) to the commit of what a look by id showed. */
  hintWait: Histogram<'provider'>
  slices: Histogram<'kind' | 'outcome'>
  slicesRunning: Gauge<'kind'>
  /** Records handed to consumers, acknowledged, given back. */
  deliveries: Counter<'outcome'>
  httpRequests: Histogram<'method' | 'route' | 'status'>
}

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

const LONG_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200]
const SLICE_SECONDS = [0.1, 1, 5, 15, 30, 60, 300, 600, 720]

/** A registry of its own for each process (and test). Labels are small closed sets, never ids: those would grow without end. */
export function createMetrics(options: { processMetrics: boolean }): Metrics {
  const registry = new Registry()
  if (options.processMetrics) collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    upstreamRequests: new Histogram({
      name: 'sluice_upstream_request_seconds',
      help: 'Requests to providers, by kind (mutation, refetch, changes, backfill) and outcome (2xx, 4xx, 5xx, broken).',
      labelNames: ['provider', 'kind', 'outcome'],
      buckets: SECONDS,
      registers,
    }),
    quotaWait: new Histogram({
      name: 'sluice_quota_wait_seconds',
      help: 'Time that requests waited for the quota of their credential.',
      labelNames: ['provider', 'kind'],
      buckets: SECONDS,
      registers,
    }),
    records: new Counter({
      name: 'sluice_records_total',
      help: 'Observations of records, by path (listing, change) and outcome (inserted, updated, stale).',
      labelNames: ['provider', 'path', 'outcome'],
      registers,
    }),
    pages: new Counter({
      name: 'sluice_pages_total',
      help: 'Pages committed.',
      labelNames: ['provider', 'path'],
      registers,
    }),
    writes: new Histogram({
      name: 'sluice_write_seconds',
      help: 'Commits of pages, by path (listing, change).',
      labelNames: ['path'],
      buckets: SECONDS,
      registers,
    }),
    freshness: new Histogram({
      name: 'sluice_freshness_seconds',
      help: 'From a change upstream to its commit in the stream, as exact as the provider tells times.',
      labelNames: ['provider'],
      buckets: LONG_SECONDS,
      registers,
    }),
    hintWait: new Histogram({
      name: 'sluice_hint_wait_seconds',
      help: 'From a hint (webhook, event without a body, sweep) to the commit of what a look by id showed.',
      labelNames: ['provider'],
      buckets: LONG_SECONDS,
      registers,
    }),
    slices: new Histogram({
      name: 'sluice_slice_seconds',
      help: 'Slices that ended, by kind (backfill, changes) and outcome (done, more, aborted, failed).',
      labelNames: ['kind', 'outcome'],
      buckets: SLICE_SECONDS,
      registers,
    }),
    slicesRunning: new Gauge({
      name: 'sluice_slices_running',
      help: 'Slices that run in this process now.',
      labelNames: ['kind'],
      registers,
    }),
    deliveries: new Counter({
      name: 'sluice_deliveries_total',
      help: 'Deliveries, by outcome (delivered, acked, stale, nacked).',
      labelNames: ['outcome'],
      registers,
    }),
    httpRequests: new Histogram({
      name: 'sluice_http_request_seconds',
      help: 'Requests to the API, by route pattern.',
      labelNames: ['method', 'route', 'status'],
      buckets: SECONDS,
      registers,
    }),
  }
}

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { openRoad, patiently } from '../support/road.ts'

type Panel = { title: string; targets?: { expr: string }[] }

/** Names of metrics in the dashboard's queries. */
function namesInDashboard(): string[] {
  const text = readFileSync(new URL('../../docs/grafana.json', import.meta.url), 'utf8')
  const { panels } = JSON.parse(text) as { panels: Panel[] }
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  return [
    ...new Set(queries.flatMap((expr) => expr.match(/\b(sluice|temporal|process)_\w+/g) ?? [])),
  ]
}

/** Names that a text of Prometheus declares, those of its series too. */
function declared(text: string): Set<string> {
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name, type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name!],
  )
  return new Set(names)
}

test('every metric of the dashboard exists, of a worker and an API that have worked; no label is an id', async () => {
  await using road = await openRoad({ total: 200, reachable: true })
  const port = await anyFree()
  await road.spawnWorker({ SLUICE_METRICS_PORT: String(port) })
  const syncId = await road.sync()
  await road.atRest()
  const { body } = await road.ask('GET', `/v1/syncs/${syncId}`)
  await road.ask('POST', `/v1/credentials/${body.credential_id}/webhook-endpoint`)
  const made = await road.ask('POST', '/v1/http-consumers', { stream_id: 'default' })
  await road.ask('GET', `/v1/http-consumers/${made.body.id}/next?batch_size=10`)
  road.simulator.create('customer', { name: 'Ada' })
  await road.atRest()
  const workerText = async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  await expect.poll(workerText, patiently).toMatch(/sluice_freshness_seconds_count\{.*\} [1-9]/)
  const texts = [await workerText(), await road.text('/metrics')]
  const known = declared(texts.join('\n'))
  expect(namesInDashboard().filter((name) => !known.has(name))).toEqual([])
  expect(texts[0]).toMatch(
    /sluice_quota_wait_seconds_count\{provider="stripe",kind="backfill"\} [1-9]/,
  )
  expect(texts[0]).toMatch(/sluice_slices_running\{kind="changes"\} 1/)
  expect(texts[1]).toMatch(/sluice_collections\{phase="live"\} \d+/)
  expect(texts[1]).toMatch(/sluice_deliveries_total\{outcome="delivered"\} 10/)
  expect(texts[1]).toMatch(/sluice_consumers\{le="\+Inf"\} 1/)
  expect(texts[1]).toMatch(/sluice_quota_granted_total\{provider="stripe"\} [1-9]/)
  const ours = texts
    .join('\n')
    .split('\n')
    .filter((line) => line.startsWith('sluice_'))
  const ids = /[0-9a-f]{8}-[0-9a-f]{4}|(cus|acct|sub|in)_\w+/
  expect(ours.filter((line) => ids.test(line))).toEqual([])
})

/** Temporal away: connections that are refused, and connections that hang. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findStream } from '../../src/store/streams.ts'
import { insertSync } from '../../src/store/syncs.ts'
import { ensureDefaultTenant } from '../../src/store/tenants.ts'
import { createSyncs, createTemporalClient } from '../../src/temporal/client.ts'
import { openApi } from '../support/api.ts'
import type { Ask, TestApi } from '../support/api.ts'

const answeredWithinMs = 5000

/** Takes connections and says nothing. */
async function blackHole() {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** As if made while Temporal was there. */
async function madeBefore(api: TestApi): Promise<string> {
  const { body: credential } = await api.ask('POST', '/v1/credentials', {
    kind: 'crm_key',
    secret: 'before.1',
  })
  const tenantId = await ensureDefaultTenant(api.deps.db)
  const { id: streamId, streamNo } = await findStream(api.deps.db, tenantId, 'default')
  const made = await insertSync(api.deps.db, tenantId, {
    id: randomUUID(),
    streamId,
    streamNo,
    credentialId: credential.id,
    provider: 'crm',
    name: null,
    collectionIds: ['crm:customer'],
    syncFrequency: 'continuous',
    maxAgeDays: null,
    rateLimit: null,
    externalId: null,
    metadata: {},
  })
  return made.id
}

describe.each(['refused', 'hanging'])('with connections %s', (how) => {
  let api: TestApi
  let syncId: string
  let consumerId: string
  let end: () => Promise<void>
  beforeAll(async () => {
    const hole = await blackHole()
    if (how === 'refused') await hole.close()
    const address = { connection: { address: `127.0.0.1:${hole.port}` }, namespace: 'default' }
    const client = createTemporalClient(address, 'test')
    api = await openApi({ syncs: createSyncs(client, { newId: randomUUID }) })
    syncId = await madeBefore(api)
    consumerId = (await api.ask('POST', '/v1/http-consumers', {})).body.id
    end = async () => {
      // The connection stays open: a call that the client still means to repeat would throw in its timer (grpc-retry), and ends with
      // this process anyway.
      if (how !== 'refused') await hole.close()
      await api[Symbol.asyncDispose]()
    }
  })
  afterAll(async () => await end())

  async function rows(): Promise<object[]> {
    return await api.database.sql<object[]>`
      select (select json_agg(s order by id)::text from syncs s) as syncs,
             (select count(*) from credentials) as credentials, (select count(*) from source) as sources`
  }

  test.concurrent.each([
    [
      'POST',
      (): string => '/v1/syncs',
      { collection_ids: ['crm:customer'], credential: { kind: 'crm_key', secret: 'new.1' } },
    ],
    ['PATCH', (): string => `/v1/syncs/${syncId}`, { name: 'other', status: 'paused' }],
    ['POST', (): string => `/v1/syncs/${syncId}/pause`, undefined],
    ['POST', (): string => `/v1/syncs/${syncId}/resync`, undefined],
    ['POST', (): string => `/v1/syncs/${syncId}/check`, undefined],
    ['DELETE', (): string => `/v1/syncs/${syncId}`, undefined],
  ] as const)(
    '%s of a sync is 503 with Retry-After within 5 s, and changes nothing (%#)',
    async (method, path, body) => {
      const before = await rows()
      const began = performance.now()
      const answer = await api.ask(method, path(), body)
      expect(answer).toMatchObject({ status: 503, body: { type: '/docs/errors#unavailable' } })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(performance.now() - began).toBeLessThan(answeredWithinMs)
      expect(await rows()).toEqual(before)
    },
  )

  test('what needs no workflow goes on: reads, consumers, streams, credentials', async () => {
    const calls: [Parameters<Ask>[0], string, object?][] = [
      ['GET', '/v1/syncs'],
      ['GET', `/v1/syncs/${syncId}`],
      ['GET', '/v1/records'],
      ['GET', `/v1/http-consumers/${consumerId}/next`],
      ['POST', '/v1/streams', { slug: how }],
      ['POST', '/v1/credentials', { kind: 'crm_key', secret: `while-${how}.1` }],
      ['POST', '/v1/http-consumers', {}],
      ['GET', '/healthz'],
      ['GET', '/readyz'],
    ]
    for (const [method, path, body] of calls) {
      const began = performance.now()
      expect((await api.ask(method, path, body)).status, `${method} ${path}`).toBeLessThan(300)
      expect(performance.now() - began).toBeLessThan(answeredWithinMs)
    }
  })
})

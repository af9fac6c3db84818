import { expect, test } from 'vitest'
import { openTestPortal } from '../../../test/support/hubspotPortal.ts'
import { AppError } from '../../domain/error.ts'
import { idsOf, listAll } from '../conformance/copy.ts'
import { createContext } from '../conformance/request.ts'
import type { Context } from '../connector.ts'
import { hubspot } from './index.ts'

const contacts = hubspot.collections['contacts']!

test('a page of records that is too large is read in smaller ones, listed or by id', async () => {
  const { simulator: portal, clock, url } = await openTestPortal({})
  const credential = {
    kind: 'hubspot_private_app',
    properties: { access_token: portal.keys.secret },
  }
  const ctx = createContext(hubspot, { baseUrl: url, clock, credential })
  const ids = Array.from({ length: 90 }, () => portal.create('contacts').id)
  const heavy = atMost(ctx, 30)
  const listed = await listAll(heavy.ctx, contacts)
  expect(idsOf(listed).toSorted()).toEqual(ids.toSorted())
  expect(heavy.refused).toHaveLength(2)
  portal.settings.urlMax = 400
  const byId = await listAll(atMost(ctx, 30).ctx, contacts)
  expect(idsOf(byId).toSorted()).toEqual(ids.toSorted())
  const none = contacts.list(atMost(ctx, 0).ctx, null, { fromMs: null, toMs: null })
  await expect(none).rejects.toMatchObject({ code: 'answer-too-large' })
})

/** Behind a reader for which an answer with more than so many whole records is too large, and others are as large as may be. */
function atMost(ctx: ReturnType<typeof createContext>, most: number) {
  const refused: string[] = []
  const request: Context['request'] = async (asked) => {
    const answer = await ctx.request(asked)
    const isOfRecords = /^\/crm\/v3\/objects\/contacts(\/batch\/read)?$/.test(asked.path)
    if (!isOfRecords || answer.status >= 300 || !answer.body.includes('"email"')) return answer
    if ((JSON.parse(answer.body) as { results: unknown[] }).results.length > most) {
      refused.push(asked.path)
      throw new AppError('permanent', 'It is too large.', { code: 'answer-too-large' })
    }
    return { ...answer, body: answer.body + ' '.repeat(8 * 1024 * 1024) }
  }
  return { refused, ctx: { ...ctx, request } }
}

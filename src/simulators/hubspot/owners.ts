import { invalid, notFound } from './errors.ts'
import type { Portal } from './portal.ts'
import { flag, limitOf } from './query.ts'
import { plain } from './objectTypes.ts'
import type { Fields } from './objectTypes.ts'

/** `GET /crm/v3/owners[/{id}]`: live or archived ones, by id. */
export function owners(portal: Portal, query: URLSearchParams, id: string | undefined): Fields {
  const archived = flag(query, 'archived')
  const all = allOwners(portal).filter((owner) => owner.archived === archived)
  if (id !== undefined) {
    const key = query.get('idProperty') ?? 'id'
    if (key !== 'id' && key !== 'userId') throw invalid(`idProperty ${key} is not supported`)
    const owner = all.find((each) => plain(each[key]) === id)
    if (owner === undefined) throw notFound()
    return owner
  }
  const limit = limitOf(query.get('limit'), 100, 500)
  const email = query.get('email')
  const after = Number(query.get('after') ?? 0)
  const rest = all.filter(
    (owner) => Number(owner.id) > after && (email === null || owner.email === email),
  )
  const results = rest.slice(0, limit)
  const last = results.at(-1)
  if (last === undefined || results.length === rest.length) return { results }
  const next = plain(last.id)
  return {
    results,
    paging: {
      next: { after: next, link: `https://api.hubapi.com/crm/v3/owners/?after=${next}` },
    },
  }
}

export function allOwners(portal: Portal): Fields[] {
  return [...portal.notes('owner').values()] as Fields[]
}

export function addOwner(portal: Portal, given: Fields = {}): Fields {
  const at = new Date(portal.ms()).toISOString()
  const number = Number(portal.notes('counter').get('owner') ?? 0) + 1
  const id = String(60_000_000 + number)
  const owner: Fields = {
    id,
    email: `owner-${number}@example.com`,
    type: 'PERSON',
    firstName: 'Owner',
    lastName: String(number),
    userId: 9000 + number,
    userIdIncludingInactive: 9000 + number,
    createdAt: at,
    updatedAt: at,
    archived: false,
    teams: [{ id: '178588', name: 'Sales', primary: true }],
    ...given,
  }
  portal.change(() => {
    portal.note('counter', 'owner', number)
    portal.note('owner', id, owner)
  })
  return owner
}

export function updateOwner(portal: Portal, id: string, given: Fields): Fields {
  const owner = portal.notes('owner').get(id)
  if (owner === undefined) throw notFound()
  const changed = {
    ...(owner as Fields),
    ...given,
    updatedAt: new Date(portal.ms()).toISOString(),
  }
  portal.note('owner', id, changed)
  return changed
}

/** A deactivated user: the owner moves to the archived ones. */
export function archiveOwner(portal: Portal, id: string): Fields {
  return updateOwner(portal, id, { archived: true, userId: null })
}

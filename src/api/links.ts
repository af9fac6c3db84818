import type { Route } from './route.ts'

export type Link = {
  operationId: string
  parameters?: Record<string, string>
  requestBody?: object
}

/**
 * Where an answer leads, for the OpenAPI document: from an object to every call that takes its id, from a list to those on its first
 * entry, from deliveries to their acks. By operation and status.
 */
export function linksOf(
  routes: readonly Route[],
  route: Route,
  status: string,
): Record<string, Link> {
  if (!/^20[012]$/.test(status)) return {}
  const special = specials[route.operation] ?? {}
  if (route.path.includes('{')) return special
  const id = route.method === 'GET' ? '$response.body#/data/0/id' : '$response.body#/id'
  const inside = routes.filter((one) => one.path.startsWith(`${route.path}/{`))
  return { ...special, ...toEach(inside, id) }
}

function toEach(routes: readonly Route[], id: string): Record<string, Link> {
  return Object.fromEntries(
    routes.map((one) => {
      const [, name = 'id'] = /\{(\w+)\}/.exec(one.path) ?? []
      return [one.operation, { operationId: one.operation, parameters: { [name]: id } }]
    }),
  )
}

const ofSameConsumer = { id: '$request.path.id' }
const token = { ack_tokens: ['$response.body#/data/0/ack_token'] }
const answersToDelivery = Object.fromEntries(
  ['ack', 'nack', 'extend'].map((operationId) => [
    operationId,
    { operationId, parameters: ofSameConsumer, requestBody: token },
  ]),
)
const collections = {
  listCollections: {
    operationId: 'listCollections',
    parameters: { credential_id: '$response.body#/id' },
  },
}

const specials: Record<string, Record<string, Link>> = {
  getNext: answersToDelivery,
  postNext: answersToDelivery,
  createCredential: collections,
  createStream: {
    createConsumer: {
      operationId: 'createConsumer',
      requestBody: { stream_id: '$response.body#/id' },
    },
  },
  listCollections: {
    getCollection: {
      operationId: 'getCollection',
      parameters: {
        credential_id: '$request.path.credential_id',
        collection_id: '$response.body#/data/0/id',
      },
    },
  },
}

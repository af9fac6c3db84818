/** What a path asks for, whichever of the provider's ways of writing it was used. */
export type Route = { family: string; version: string; parts: string[] }

const dated = /^2026-0[39]$/
const numbered = /^v[134]$/

/**
 * `/crm/v3/objects/contacts` and `/crm/objects/2026-09/contacts` are the same route of two versions. Null: no such path.
 */
export function readRoute(path: string): Route | null {
  const [root, ...parts] = path
    .split('/')
    .filter((part) => part !== '')
    .map(decoded)
  switch (root) {
    case 'crm': {
      const [first = '', second = '', ...rest] = parts
      if (numbered.test(first)) return { family: second, version: first, parts: rest }
      if (dated.test(second) || second === 'v4') {
        return { family: first, version: second, parts: rest }
      }
      return null
    }
    case 'crm-object-schemas':
      return parts[1] === 'schemas' ? versioned('schemas', [parts[0]!, ...parts.slice(2)]) : null
    case 'webhooks-journal': {
      const [part = '', version = '', ...rest] = parts
      return dated.test(version) ? { family: root, version, parts: [part, ...rest] } : null
    }
    case 'oauth':
    case 'account-info':
    case 'journal-files':
    case 'webhooks':
      return versioned(root, parts)
    case undefined:
    default:
      return null
  }
}

/** True: what was made is answered with 201. */
export function creates(method: string, { family, parts }: Route): boolean {
  const made = `${method} ${family} ${parts.length}`
  const [, second, third] = parts
  if (second === 'batch' && third === 'create') return true
  if (family === 'associations') return parts.slice(2).join('/') === 'batch/create'
  if (made === 'POST properties 2') return second === 'groups'
  if (made === 'POST webhooks 2') return second === 'subscriptions'
  if (made === 'POST webhooks-journal 1') return parts[0] === 'subscriptions'
  if (made === 'PUT objects 5') return third === 'associations'
  return ['POST objects 1', 'POST properties 1', 'POST schemas 0'].includes(made)
}

function versioned(family: string, [version = '', ...parts]: string[]): Route | null {
  return numbered.test(version) || dated.test(version) ? { family, version, parts } : null
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

import type { Connector, CredentialKind, Identity, OauthClient } from '../connectors/connector.ts'
import { AppError, isAppError } from '../domain/error.ts'
import type { Credential, CredentialPatch, SealedCredential } from '../store/credentials.ts'
import {
  getCredential,
  noteCredentialChecked,
  syncIdsOf,
  upsertCredential,
} from '../store/credentials.ts'
import type { Sealed } from '../store/oauthApps.ts'
import { getSealedOauthApp } from '../store/oauthApps.ts'
import { places } from '../credentials/places.ts'
import { connectorOf, kindOf, masked } from './catalog.ts'
import type { ApiDeps, Asked, HealthStatus } from './deps.ts'
import { fieldsOf, invalid } from './input.ts'
import type { CreateCredential } from './schemas/credentials.ts'
import { known } from './stream.ts'
import { toWire } from './wire.ts'

/** The part of a call that importing a credential needs. */
export type Importing = {
  deps: ApiDeps
  tenantId: string
  newId: string
  signal(): AbortSignal
  /** Looked at before the provider is asked and anything is stored. */
  precheck?: (connector: Connector) => void
}

/**
 * Imports a credential: the kind's own schema checks it, the provider says which account it is, and an upsert on that
 * account stores it. A refused one is stored nowhere. `field`: where it stood in the body, for the reasons of a 422.
 */
export async function importCredential(
  call: Importing,
  input: CreateCredential,
  provider: string | null,
  field: string | null,
): Promise<{ credential: Credential; created: boolean }> {
  const { deps, tenantId } = call
  const given = normalise(input, field)
  const { connector, kind, properties } = chooseKind(deps, given, input.provider ?? provider, field)
  if (provider !== null && connector.provider !== provider) {
    throw invalid({ [at(field, 'kind')]: [`belongs to ${connector.provider}, not to ${provider}`] })
  }
  call.precheck?.(connector)
  const fitting = await checked(deps, connector, kind, properties, field)
  const asked = { connector, kind, ...fitting }
  const { identity, ...known } = await admit(call, asked, null, {
    id: input.oauth_app_id ?? null,
    field,
  })
  const { secret, open } = split(kind, known.properties)
  const name = input.name === undefined ? given.name : input.name
  const result = await upsertCredential(
    deps.db,
    tenantId,
    {
      id: call.newId,
      provider: connector.provider,
      kind: kind.kind,
      upstreamAccount: identity.account ?? kind.fallbackAccount(known.properties),
      livemode: identity.livemode,
      properties: open,
      facts: identity.facts ?? {},
      baseUrl: fitting.baseUrl,
      defaultName: identity.name?.slice(0, 200) ?? null,
      ...(name === undefined ? {} : { name }),
      ...(input.oauth_app_id === undefined ? {} : { oauthAppId: input.oauth_app_id }),
      ...(input.metadata === undefined ? {} : { metadata: input.metadata }),
    },
    (id) => deps.sealer.seal(secret, places.credential(id)),
  )
  // Those that run take the new secrets with their next request by themselves.
  if (result.wasRefused) await nudgeSyncs(deps, tenantId, result.credential.id)
  return result
}

/** New properties for a credential: checked as at its import, and refused when they are of another account or mode. */
export async function replaceProperties(
  call: Importing,
  before: Credential,
  input: Record<string, unknown>,
  oauthAppId: string | null = before.oauthAppId,
): Promise<Required<Pick<CredentialPatch, 'properties' | 'facts' | 'baseUrl'>> & Sealed> {
  const { deps } = call
  const connector = connectorOfCredential(deps, before)
  const { kind: wanted = before.kind, ...rest } = input
  const { kind } = kindOf(deps, String(wanted), connector.provider, 'properties.kind')
  if (kind.kind !== before.kind)
    throw invalid({
      'properties.kind': [
        `must stay \`${before.kind}\`; import the other kind with POST /v1/credentials`,
      ],
    })
  // A PATCH leaves unsaid what stays: the address too. null asks for the provider's own again.
  const given = { base_url: before.baseUrl, ...older(kind, rest) }
  const fitting = await checked(deps, connector, kind, given, 'properties')
  const asked = { connector, kind, ...fitting }
  const { identity, ...known } = await admit(call, asked, before.id, {
    id: oauthAppId,
    field: null,
  })
  const account = identity.account ?? kind.fallbackAccount(known.properties)
  if (account !== before.upstreamAccount || identity.livemode !== before.livemode) {
    throw new AppError(
      'conflict',
      'These properties are of another upstream account or mode. Import them as another credential.',
      { code: 'account-mismatch' },
    )
  }
  const { secret, open } = split(kind, known.properties)
  return {
    properties: open,
    facts: identity.facts ?? {},
    baseUrl: fitting.baseUrl,
    ...deps.sealer.seal(secret, places.credential(before.id)),
  }
}

/** A stored credential, opened for a call to its provider. */
export function askedOf(deps: ApiDeps, row: SealedCredential, signal: AbortSignal): Asked {
  const connector = connectorOfCredential(deps, row)
  const { kind } = kindOf(deps, row.kind, row.provider, 'kind')
  const secret = deps.sealer.open(row.ciphertext, row.keyId, places.credential(row.id))
  const properties = { ...row.properties, ...secret }
  const { baseUrl, id: credentialId } = row
  return { connector, kind, properties, baseUrl, credentialId, stored: true, signal }
}

/** Asks the provider now, and notes what it says. */
export async function checkCredential(call: Importing, row: SealedCredential): Promise<Credential> {
  const { deps, tenantId } = call
  const asked = askedOf(deps, row, call.signal())
  try {
    await deps.identify(asked)
    await noteCredentialChecked(deps.db, tenantId, row.id, null)
    if (row.refusedAt !== null) await nudgeSyncs(deps, tenantId, row.id)
  } catch (error) {
    if (!isAppError(error, 'auth')) throw error
    await noteCredentialChecked(deps.db, tenantId, row.id, error.message)
  }
  return await getCredential(deps.db, tenantId, row.id)
}

/** Tells the syncs of a credential to look at once. Best effort: they look by themselves a little later. */
export async function nudgeSyncs(
  deps: ApiDeps,
  tenantId: string,
  credentialId: string,
): Promise<void> {
  const ids = await syncIdsOf(deps.db, tenantId, credentialId)
  const results = await Promise.allSettled(ids.slice(0, 100).map((id) => deps.syncs.nudge(id)))
  const failed = results.filter((result) => result.status === 'rejected').length
  if (failed > 0) deps.log.warn({ event: 'nudge.failed', credential: credentialId, syncs: failed })
}

export function connectorOfCredential(deps: ApiDeps, credential: { provider: string }): Connector {
  const connector = deps.connectors[credential.provider]
  if (connector !== undefined) return connector
  throw new AppError(
    'conflict',
    `This server has no connector for ${credential.provider} any more.`,
  )
}

export function shownCredential(deps: ApiDeps, row: Credential) {
  const kind = deps.connectors[row.provider]?.credentialKinds.find((one) => one.kind === row.kind)
  const names = (kind?.secrets ?? []).filter((name) => !(name in olderNames))
  const secrets = Object.fromEntries(names.map((name) => [name, masked]))
  return {
    ...toWire({
      id: row.id,
      name: row.name,
      provider: row.provider,
      kind: row.kind,
      account: row.upstreamAccount,
      livemode: row.livemode,
      oauthAppId: row.oauthAppId,
      health: healthOfCredential(row),
      metadata: row.metadata,
      createdAt: row.createdAt,
      updatedAt: row.updatedAt,
    }),
    properties: { kind: row.kind, ...row.properties, ...secrets, base_url: row.baseUrl },
  }
}

function healthOfCredential(row: Credential) {
  const refused = row.refusedAt !== null
  const status: HealthStatus = refused ? 'error' : 'healthy'
  const message = refused
    ? `${row.refusedReason ?? 'The provider refuses this credential.'} Refused since ${row.refusedAt?.toISOString()}. Send new properties with PATCH.`
    : 'The provider accepts this credential.'
  return {
    status,
    checks: [{ name: 'credential', status, message }],
    lastHealthyAt: refused ? null : row.checkedAt,
    erroringSince: row.refusedAt,
  }
}

type Input = { kind: string | null; name: string | undefined; properties: Record<string, unknown> }

/** The flat form and the one with `properties` become the same; `kind`, `name` and `test` may stand among the properties. */
function normalise(input: CreateCredential, field: string | null): Input {
  const {
    name: _,
    provider: __,
    kind,
    properties: nested,
    oauth_app_id: ___,
    metadata: ____,
    ...flat
  } = input
  const {
    kind: innerKind,
    name,
    test: _____,
    ...rest
  } = { ...nested, ...flat } as Record<string, unknown>
  if (nested !== undefined && Object.keys(flat).length > 0) {
    const reason = 'stands beside `properties`; put it into `properties`, or leave `properties` out'
    throw invalid(
      Object.fromEntries(
        Object.keys(flat)
          .slice(0, 20)
          .map((key) => [at(field, key), [reason]]),
      ),
    )
  }
  const chosen = kind ?? innerKind
  return {
    kind: typeof chosen === 'string' ? chosen : null,
    name: typeof name === 'string' && name.length <= 200 ? name : undefined,
    properties: rest,
  }
}

function chooseKind(deps: ApiDeps, given: Input, provider: string | null, field: string | null) {
  const name = at(field, 'kind')
  if (given.kind !== null) {
    const found = kindOf(deps, given.kind, provider, name)
    return { ...found, properties: older(found.kind, given.properties) }
  }
  if (provider === null)
    throw invalid({ [name]: ['is required: a credential kind of GET /v1/providers'] })
  const connector = connectorOf(deps, provider)
  const fitting = connector.credentialKinds.filter(
    (kind) => kind.properties.safeParse(withoutBaseUrl(older(kind, given.properties))).success,
  )
  const [kind] = fitting
  if (kind === undefined || fitting.length > 1) {
    const kinds = connector.credentialKinds.map((one) => `\`${one.kind}\``).join(', ')
    throw invalid({ [name]: [`is required: one of ${kinds}`] })
  }
  return { connector, kind, properties: older(kind, given.properties) }
}

/** Names that older clients send: `secret_key` is `secret`. */
const olderNames: Record<string, string> = { secret_key: 'secret' }

function older(kind: CredentialKind, properties: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => {
      const newer = olderNames[name]
      const means = newer !== undefined && newer in kind.properties.shape && !(newer in properties)
      return [means ? newer : name, value]
    }),
  )
}

function withoutBaseUrl({ base_url: _, ...rest }: Record<string, unknown>) {
  return rest
}

async function checked(
  deps: ApiDeps,
  connector: Connector,
  kind: CredentialKind,
  given: Record<string, unknown>,
  field: string | null,
) {
  const { base_url: baseUrl, ...rest } = given
  const schema = kind.properties.strict()
  const parsed = schema.safeParse(rest, { reportInput: true })
  const prefix = field === null ? [] : [field]
  if (!parsed.success) throw invalid(fieldsOf(parsed.error, schema, prefix))
  if (baseUrl !== undefined && baseUrl !== null && typeof baseUrl !== 'string')
    throw invalid({ [at(field, 'base_url')]: ['must be a text'] })
  const address = baseUrl ?? kind.baseUrl(parsed.data)
  return {
    properties: parsed.data,
    baseUrl: await deps.checkBaseUrl(connector, kind, address),
  }
}

type Given = Pick<Asked, 'connector' | 'kind' | 'properties' | 'baseUrl'>

/**
 * Who new properties are of, and how they are stored. Where access tokens expire, a first one is had for them, which may
 * replace the refresh token.
 */
async function admit(
  call: Importing,
  asked: Given,
  credentialId: string | null,
  app: { id: string | null; field: string | null },
): Promise<{ identity: Identity; properties: Record<string, unknown> }> {
  const { deps, tenantId } = call
  const signal = call.signal()
  const { oauth } = asked.kind
  const { properties } = asked
  if (oauth === undefined)
    return { identity: await deps.identify({ ...asked, credentialId, signal }), properties }
  const client =
    app.id === null ? null : await clientOf(deps, tenantId, asked, { ...app, id: app.id })
  if (client === null && oauth.needsApp) {
    throw invalid({
      [at(app.field, 'oauth_app_id')]: [
        `is required for \`${asked.kind.kind}\`: the OAuth app that the account was connected with`,
      ],
    })
  }
  const granted = await deps.grant({ ...asked, oauth, app: client, signal })
  const { access_token: _, ...kept } = properties
  const stored =
    granted.refreshToken === null ? kept : { ...kept, refresh_token: granted.refreshToken }
  const known = { ...stored, access_token: granted.accessToken }
  const identity = await deps.identify({ ...asked, properties: known, credentialId, signal })
  return { identity, properties: stored }
}

async function clientOf(
  deps: ApiDeps,
  tenantId: string,
  { connector }: Given,
  { id, field }: { id: string; field: string | null },
): Promise<OauthClient> {
  const app = await known(
    getSealedOauthApp(deps.db, tenantId, id),
    at(field, 'oauth_app_id'),
    'names no OAuth app of this tenant',
  )
  if (app.provider !== connector.provider) {
    throw invalid({
      [at(field, 'oauth_app_id')]: [
        `is an OAuth app of ${app.provider}, not of ${connector.provider}`,
      ],
    })
  }
  const opened = deps.sealer.open(app.ciphertext, app.keyId, places.oauthApp(app.id))
  const { client_secret: clientSecret } = opened as { client_secret: string }
  return { clientId: app.clientId, clientSecret }
}

function split(kind: CredentialKind, all: Record<string, unknown>) {
  const entries = Object.entries(all)
  const isSecret = ([name]: [string, unknown]) => kind.secrets.includes(name)
  return {
    secret: Object.fromEntries(entries.filter(isSecret)),
    open: Object.fromEntries(entries.filter((entry) => !isSecret(entry))),
  }
}

function at(field: string | null, name: string): string {
  return field === null ? name : `${field}.${name}`
}

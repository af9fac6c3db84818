import { fileURLToPath } from 'node:url'
import { ConfigError, type Environment, environment, type StartConfig } from '../config.ts'
import { SEARCH_ATTRIBUTES } from '../temporal/names.ts'
import { startChild } from './embedded/child.ts'
import { findTemporal } from './embedded/findTemporal.ts'
import { isFree, keptPort } from './embedded/ports.ts'
import { accepts } from './embedded/probe.ts'
import { startPostgres } from './embedded/postgres.ts'
import { startTemporal } from './embedded/temporal.ts'
import type { Home } from './home.ts'
import { simulators as known } from './simulators.ts'
import type { Screen } from './screen.ts'
import type { Tree } from './tree.ts'

/** What runs, and where. */
export type Running = {
  api: string
  apiKey: string
  temporal: string
  temporalUi: string | null
  simulated: { provider: string; url: string; key: string }[]
}

type Context = { config: StartConfig; home: Home; tree: Tree; screen: Screen; signal: AbortSignal }

/** Records of a playground's account, and how many changes a second it lives. */
const PLAYGROUND = { total: 20_000, rate: 3, seed: 1 }

/** Starts all parts, as many side by side as can be, and returns when the API and a worker serve. */
export async function bringUp(context: Context): Promise<Running> {
  const { config, home } = context
  const playground = config.playground ?? ['stripe']
  await refuseEarly(config, playground)
  const simulators = Promise.all(playground.map((provider) => simulator(context, provider)))
  const [databaseUrl, temporal] = await Promise.all([
    migratedDatabase(context),
    temporalServer(context),
  ])
  const env = {
    ...childEnvironment(home),
    HOST: config.host,
    PORT: String(config.port),
    DATABASE_URL: databaseUrl,
    ...temporal.env,
    SLUICE_API_KEY: home.secrets.apiKey.reveal(),
    SLUICE_ENCRYPTION_KEY: home.secrets.encryptionKey.reveal(),
    // A sandbox or a simulator on this machine may be synced without more ado.
    SLUICE_UPSTREAM_HOSTS: [...config.upstreamHosts, '127.0.0.1', 'localhost'].join(','),
  }
  const [simulated] = await Promise.all([simulators, api(context, env), worker(context, env)])
  return {
    api: urlOf(config),
    apiKey: home.secrets.apiKey.reveal(),
    temporal: temporal.address,
    temporalUi: temporal.uiUrl,
    simulated,
  }
}

async function refuseEarly(config: StartConfig, playground: readonly string[]): Promise<void> {
  const { connectors } = await import('../connectors/registry.ts')
  const playable = connectors
    .map((connector) => connector.provider)
    .filter((provider) => known[provider] !== undefined)
  const issues = playground
    .filter((name) => !playable.includes(name))
    .map(
      (name) =>
        `SLUICE_PLAYGROUND names ${name}, and there is a playground for ${playable.join(', ')} only (or say off).`,
    )
  if (!(await isFree(config.port, config.host))) {
    issues.push(
      `Port ${config.port} on ${config.host} is taken: stop what listens there, or choose another with PORT=${config.port + 1}.`,
    )
  }
  if (issues.length > 0) throw new ConfigError(issues)
}

async function migratedDatabase(context: Context): Promise<string> {
  // Loaded while Postgres starts: it takes about as long.
  const loaded = import('../db/migrate.ts')
  const url = await database(context)
  const step = context.screen.step('migrations')
  const { migrate } = await loaded
  const applied = await migrate(url).catch((cause: unknown) => {
    const { host } = new URL(url)
    const reason = (cause as { code?: string }).code ?? (cause as Error).name
    throw new ConfigError(
      [
        `The database at ${host} could not be used or brought up to date (${reason}): is it there, is DATABASE_URL right, and is it Postgres 15 or newer?`,
      ],
      { cause },
    )
  })
  step.done(applied === 0 ? 'the database is up to date' : `${applied} applied`)
  return url
}

async function database({ config, home, tree, screen }: Context): Promise<string> {
  const step = screen.step('postgres')
  if (config.databaseUrl !== null) {
    step.done(`the one of DATABASE_URL (${new URL(config.databaseUrl.reveal()).host})`)
    return config.databaseUrl.reveal()
  }
  const postgres = await tree.start('postgres', async () => {
    const { part, ...rest } = await startPostgres({ dir: home.path('postgres'), log: step.say })
    return { ...part, ...rest }
  })
  step.done(`embedded, on 127.0.0.1:${postgres.port}`)
  return postgres.url
}

async function temporalServer({
  config,
  home,
  tree,
  screen,
  signal,
}: Context): Promise<{ address: string; uiUrl: string | null; env: Environment }> {
  const step = screen.step('temporal')
  if (config.temporalAddress !== null) {
    await refuseSilent(config.temporalAddress)
    step.done(`the one of TEMPORAL_ADDRESS (${config.temporalAddress})`)
    return { address: config.temporalAddress, uiUrl: null, env: {} }
  }
  const found = await findTemporal({ env: environment(), say: step.say, signal })
  const server = await tree.start('temporal', async () => {
    const { part, ...rest } = await startTemporal({
      binary: found.binary,
      dir: home.path('temporal'),
      searchAttributes: SEARCH_ATTRIBUTES,
    })
    return { ...part, ...rest }
  })
  step.done(
    `embedded, on ${server.address} (${found.from === 'path' ? found.binary : `from the ${found.from}`})`,
  )
  return { ...server, env: embeddedOnly(server.address, home.path('temporal/none.toml')) }
}

async function simulator(
  { home, tree, screen }: Context,
  provider: string,
): Promise<Running['simulated'][number]> {
  const step = screen.step('simulator')
  const port = await keptPort(home.path(`simulator-${provider}.port`), [7111])
  const dir = home.path(`simulator-${provider}`)
  const child = await tree.keep(`simulator-${provider}`, () =>
    startChild({
      entry: entry('simulator'),
      args: [
        [provider, '--port', String(port), '--dir', dir, '--total', String(PLAYGROUND.total)],
        ['--rate', String(PLAYGROUND.rate), '--seed', String(PLAYGROUND.seed)],
      ].flat(),
      env: childEnvironment(home),
      logFile: home.path(`logs/simulator-${provider}.log`),
      graceMs: 1_000,
    }),
  )
  const { url, key } = child.info
  step.done(`a ${provider} account that lives, on ${url}`)
  return { provider, url: String(url), key: String(key) }
}

async function api({ config, home, tree, screen }: Context, env: Environment): Promise<void> {
  const step = screen.step('api')
  const child = await tree.keep('api', () =>
    startChild({ entry: entry('api'), env, logFile: home.path('logs/api.log'), graceMs: 2_500 }),
  )
  step.done(String(child.info['url'] ?? urlOf(config)))
}

async function worker({ home, tree, screen }: Context, env: Environment): Promise<void> {
  const step = screen.step('worker')
  const child = await tree.keep('worker', () =>
    startChild({
      entry: entry('worker'),
      env,
      logFile: home.path('logs/worker.log'),
      graceMs: 3_500,
    }),
  )
  step.done(`process ${child.pid}`)
}

async function refuseSilent(address: string): Promise<void> {
  const at = address.lastIndexOf(':')
  if (await accepts(Number(address.slice(at + 1)), address.slice(0, at).replace(/^\[|\]$/g, '')))
    return
  throw new ConfigError([
    `Nothing answers at TEMPORAL_ADDRESS (${address}): start that server, or leave the variable out for an embedded one.`,
  ])
}

/** The embedded server needs nothing of what is set here for another one: neither Temporal's variables nor its file. */
function embeddedOnly(address: string, noFile: string): Environment {
  const given = Object.keys(environment()).filter((name) => name.startsWith('TEMPORAL_'))
  const none = Object.fromEntries(given.map((name) => [name, undefined]))
  return { ...none, TEMPORAL_ADDRESS: address, TEMPORAL_CONFIG_FILE: noFile }
}

/** As a client on this machine calls it. */
function urlOf({ host, port }: StartConfig): string {
  const here = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host
  return `http://${here.includes(':') ? `[${here}]` : here}:${port}`
}

/** Node keeps what it compiled there: the next start loads in half the time. */
function childEnvironment(home: Home): Environment {
  return { ...environment(), NODE_COMPILE_CACHE: home.path('compile-cache') }
}

function entry(name: string): string {
  return fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
}

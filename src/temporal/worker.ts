/** Workers: one for workflows and short activities, one for slices. Slots and their reasons: docs/architecture.md. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import type { WorkflowBundle } from '@temporalio/worker'
import type { ControlActivities, SliceActivities } from '../../activities/contract.ts'
import type { TemporalAddress } from './client.ts'
import { TASK_QUEUES } from './names.ts'

export type Activities = { control: ControlActivities; slices: SliceActivities }

export type WorkerOptions = {
  temporal: TemporalAddress
  activities: Activities
  bundle: WorkflowBundle
  identity: string
  /** Syncs that this process may carry: each holds one slot for its changes, and up to four while it is backfilled. */
  sliceSlots: number
}

export type Workers = {
  /** Polls until `shutdown`; rejects when a worker breaks. */
  run(): Promise<void>
  /** Takes no more work, tells the slices to return, and ends. */
  shutdown(): void
  running(): boolean
  close(): Promise<void>
}

export async function createWorkers(options: WorkerOptions): Promise<Workers> {
  const { activities, bundle, identity, temporal } = options
  const connection = await NativeConnection.connect(temporal.connection)
  const common = {
    connection,
    namespace: temporal.namespace,
    identity,
    shutdownGraceTime: 0,
    // told to stop, a slice returns within ms; what does not within this, will not
    shutdownForceTime: '5s',
  } as const
  const workers = [
    await Worker.create({
      ...common,
      taskQueue: TASK_QUEUES.control,
      workflowBundle: bundle,
      activities: activities.control,
      // 155 kB each. At rest a workflow has a task or two in an hour: reading its history again costs less than keeping it
      maxCachedWorkflows: 300,
      maxConcurrentActivityTaskExecutions: 100,
    }),
    await Worker.create({
      ...common,
      taskQueue: TASK_QUEUES.slices,
      activities: activities.slices,
      maxConcurrentActivityTaskExecutions: options.sliceSlots,
    }),
  ]
  return {
    async run() {
      await Promise.all(workers.map(async (worker) => await worker.run()))
    },
    shutdown() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown()
    },
    running: () => workers.every((worker) => worker.getState() === 'RUNNING'),
    close: async () => await connection.close(),
  }
}

let runtimeInstalled = false

/**
 * How loud Temporal's own library is, and at which port of the loopback it serves its metrics (null: nowhere). The first call
 * of a process counts; before its first worker.
 */
export function quietRuntime(
  level: 'WARN' | 'ERROR',
  write: (entry: { level: string; message: string }) => void,
  metricsPort: number | null = null,
): void {
  if (runtimeInstalled) return
  runtimeInstalled = true
  // Two workers share the work: the one for slices has no workflows, on purpose.
  const news = (message: string) => !message.startsWith('No workflows registered')
  Runtime.install({
    logger: new DefaultLogger(level, ({ level: of, message }) => {
      if (news(message)) write({ level: of, message })
    }),
    telemetryOptions: {
      logging: { filter: { core: level, other: level }, forward: {} },
      ...(metricsPort === null ? {} : { metrics: sdkMetrics(metricsPort) }),
    },
    // Signals are handled by src/main alone.
    shutdownSignals: [],
  })
}

function sdkMetrics(port: number) {
  return {
    prometheus: {
      bindAddress: `127.0.0.1:${port}`,
      countersTotalSuffix: true,
      unitSuffix: true,
      useSecondsForDurations: true,
    },
  }
}

/**
 * The workflows as one script. Bundling takes 2 s, so the script is kept by the hash of its sources in `cacheDir`; a
 * directory that cannot be written costs the 2 s again, nothing else.
 */
export async function workflowBundle(cacheDir: string | null): Promise<WorkflowBundle> {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  const workflowsPath = fileURLToPath(new URL(`../../workflows/index${extension}`, import.meta.url))
  const cached =
    cacheDir === null ? null : join(cacheDir, `workflows-${await sourceHash(extension)}.js`)
  const code = cached === null ? null : await readFile(cached, 'utf8').catch(() => null)
  if (code !== null) return { code }
  const bundled = await bundleApart(workflowsPath, extension)
  if (cacheDir !== null && cached !== null)
    await keep(cacheDir, cached, bundled).catch(() => undefined)
  return { code: bundled }
}

/** In a process of its own: the bundler takes some 150 MB, which a worker would keep for its life. */
async function bundleApart(workflowsPath: string, extension: string): Promise<string> {
  const script = fileURLToPath(new URL(`./bundle${extension}`, import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script, workflowsPath], {
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout
}

async function keep(cacheDir: string, path: string, code: string): Promise<void> {
  await mkdir(cacheDir, { recursive: true })
  const half = `${path}.${process.pid}`
  await writeFile(half, code)
  await rename(half, path)
}

/** Everything that the bundle can contain of ours, and the version of the SDK that must run it. */
async function sourceHash(extension: string): Promise<string> {
  const hash = createHash('sha256')
  for (const folder of ['../../workflows/', '../domain/', './']) {
    const directory = fileURLToPath(new URL(folder, import.meta.url))
    const names = (await readdir(directory)).filter((name) => name.endsWith(extension)).sort()
    for (const name of names) hash.update(name).update(await readFile(join(directory, name)))
  }
  hash.update(
    await readFile(createRequire(import.meta.url).resolve('@temporalio/worker/package.json')),
  )
  return hash.digest('hex').slice(0, 24)
}

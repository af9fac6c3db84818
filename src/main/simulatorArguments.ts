import { parseArgs } from 'node:util'
import { ConfigError } from '../config.ts'
import { type SimulatorOptions, simulators } from './simulators.ts'

const USAGE = `npm run simulator -- <provider> [--port 7111] [--host 127.0.0.1] [--total 20000] [--rate 0] [--seed 1] [--dir folder] [--limits]
providers: ${Object.keys(simulators).join(', ')}
--total  records to make at the first start     --rate    changes per second, 0 = a still account
--dir    keep the account there over restarts   --limits  enforce the provider's documented rate limits`

/** Reads the command line of the simulator. Throws a ConfigError that says what is wrong, with the usage. */
export function readSimulatorArguments(argv: string[]): {
  provider: string
  options: SimulatorOptions
} {
  const { values, positionals } = parsed(argv)
  const provider = positionals[0] ?? ''
  if (!Object.hasOwn(simulators, provider)) throw new ConfigError([USAGE])
  const options = {
    port: whole('port', values.port ?? '7111'),
    host: values.host ?? '127.0.0.1',
    total: whole('total', values.total ?? '20000'),
    rate: whole('rate', values.rate ?? '0'),
    seed: whole('seed', values.seed ?? '1'),
    limits: values.limits ?? false,
    ...(values.dir === undefined ? {} : { dir: values.dir }),
  }
  return { provider, options }
}

function parsed(argv: string[]) {
  const string = { type: 'string' } as const
  const strings = {
    port: string,
    host: string,
    total: string,
    rate: string,
    seed: string,
    dir: string,
  }
  try {
    return parseArgs({
      args: argv,
      options: { ...strings, limits: { type: 'boolean' } } as const,
      allowPositionals: true,
    })
  } catch (cause) {
    throw new ConfigError([cause instanceof Error ? cause.message : String(cause), USAGE], {
      cause,
    })
  }
}

function whole(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) {
    throw new ConfigError([`--${name} must be a whole number, and is ${value}.`, USAGE])
  }
  return Number(value)
}

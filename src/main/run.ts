import { ConfigError, EXIT_CONFIG } from '../config.ts'
import { type ErrorKind, isAppError } from '../domain/error.ts'

/** What trying again does not change: a port that is taken, a database that lacks its migrations. */
const TO_PUT_RIGHT: readonly ErrorKind[] = ['conflict', 'permanent', 'invalid']

/**
 * Runs an entry point to its end and ends the process: 0, or 78 for what the operator has to put right (said in one clear
 * sentence each), or 1 with a stack for everything else.
 */
export async function run(main: () => Promise<number | void>): Promise<never> {
  let code = 1
  try {
    code = (await main()) ?? 0
  } catch (error) {
    code = tell(error)
  }
  process.exit(code)
}

function tell(error: unknown): number {
  if (error instanceof ConfigError) {
    for (const issue of error.issues) console.error(issue)
    return EXIT_CONFIG
  }
  if (isAppError(error) && error.kind !== 'bug') {
    console.error(error.message)
    return TO_PUT_RIGHT.includes(error.kind) ? EXIT_CONFIG : 1
  }
  const { syscall, code, port, address } = (error ?? {}) as NodeJS.ErrnoException & {
    port?: number
    address?: string
  }
  if (syscall === 'listen') {
    console.error(
      `Port ${port} on ${address} cannot be used (${code}): choose another, or stop what listens there.`,
    )
    return EXIT_CONFIG
  }
  console.error(error)
  return 1
}

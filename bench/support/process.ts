import { readdir, readFile } from 'node:fs/promises'

/** CPU time so far of a process and all that it started, in ms (Linux: /proc counts in hundredths of a second). */
export async function cpuMs(pid: number): Promise<number> {
  const all = await stats()
  const wanted = new Set([pid])
  for (let size = 0; size !== wanted.size;) {
    size = wanted.size
    for (const one of all) if (wanted.has(one.parent)) wanted.add(one.pid)
  }
  return all.filter((one) => wanted.has(one.pid)).reduce((sum, one) => sum + one.cpuMs, 0)
}

export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

type Stat = { pid: number; parent: number; cpuMs: number }

async function stats(): Promise<Stat[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const texts = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)),
  )
  return texts.flatMap((text) => {
    if (text === null) return []
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    // utime and stime, and those of children that have ended: a backend of Postgres that is gone has worked too
    const ticks = fields[11]! + fields[12]! + fields[13]! + fields[14]!
    return [{ pid: Number.parseInt(text, 10), parent: fields[1]!, cpuMs: ticks * 10 }]
  })
}

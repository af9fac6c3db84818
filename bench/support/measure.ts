/** Runs `work` as `workers` at once; seconds until the last has ended. */
export async function timed(
  workers: number,
  work: (worker: number) => Promise<void>,
): Promise<number> {
  const started = performance.now()
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)))
  return (performance.now() - started) / 1000
}

export function median(values: number[]): number {
  return quantile(values, 0.5)
}

export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/**
 * `work` on every item, `limit` at once, results in the order of the items. After an error nothing new is begun, what
 * runs is awaited, and the first error is thrown: nothing of it goes on behind the caller's back.
 */
export async function inParallel<In, Out>(
  items: In[],
  limit: number,
  work: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const results: Out[] = []
  const errors: unknown[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length && errors.length === 0) {
      const at = next++
      try {
        results[at] = await work(items[at]!)
      } catch (error) {
        errors.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane))
  if (errors.length > 0) throw errors[0]
  return results
}

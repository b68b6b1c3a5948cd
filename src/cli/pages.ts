type PageOf<Item> = { items: Item[]; nextCursor: string | null }

/** Reads all pages of a list. */
export async function everyPage<Item>(
  read: (page: { limit: number; cursor?: string }) => Promise<PageOf<Item>>,
): Promise<Item[]> {
  const found: Item[] = []
  let cursor: string | undefined
  do {
    const { items, nextCursor } = await read({ limit: 100, ...(cursor !== undefined && { cursor }) })
    found.push(...items)
    cursor = nextCursor ?? undefined
  } while (cursor !== undefined)
  return found
}

/** Reads the first `count` items of a list, and whether more exist. */
export async function firstItems<Item>(
  count: number,
  read: (page: { limit: number; cursor?: string }) => Promise<PageOf<Item>>,
): Promise<{ items: Item[]; more: boolean }> {
  const items: Item[] = []
  let cursor: string | undefined
  do {
    const limit = Math.min(100, count - items.length)
    const page = await read({ limit, ...(cursor !== undefined && { cursor }) })
    items.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined && items.length < count)
  return { items, more: cursor !== undefined }
}

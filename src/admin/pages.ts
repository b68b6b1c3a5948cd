type PageOf<Item> = { items: Item[]; nextCursor: string | null }

/** All that a list has, page after page. */
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

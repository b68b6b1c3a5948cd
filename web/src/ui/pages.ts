import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query'

type Page<T> = { items: T[]; nextCursor: string | null }

/**
 * A list that comes in pages, one behind the other.
 * @param queryKey begins with the procedure's, so that whatever makes that old makes this old too
 */
export function usePages<T>(
  queryKey: QueryKey,
  ask: (cursor: string | undefined) => Promise<Page<T>>,
  options: { refetchInterval?: number } = {},
) {
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam }) => ask(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextCursor }: Page<T>) => nextCursor ?? undefined,
    ...options,
  })
  return {
    data: query.data?.pages.flatMap(({ items }) => items),
    error: query.error,
    refetch: query.refetch,
    hasMore: query.hasNextPage,
    isBusy: query.isFetchingNextPage,
    showMore: () => void query.fetchNextPage(),
  }
}

import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query'

type Page<T> = { items: T[]; nextCursor: string | null }

/**
 * A paginated query.
 * @param queryKey begins with the procedure's key, so that refetching the procedure includes it
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

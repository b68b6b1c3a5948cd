import { type ComponentType, lazy } from 'react'

const failed = new Set<() => void>()

/** A lazily loaded component. Unlike React's `lazy`, it can be loaded again after a failure. */
export function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  const begin = () =>
    lazy(() =>
      load().catch((error) => {
        failed.add(() => {
          Part = begin()
        })
        throw error
      }),
    )
  let Part = begin()
  return (props: P) => <Part {...props} />
}

/** Lets the components that failed to load be requested again. */
export function forgetFailed(): void {
  for (const beginAnew of failed) beginAnew()
  failed.clear()
}

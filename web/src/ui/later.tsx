import { type ComponentType, lazy } from 'react'

const failed = new Set<() => void>()

/** A part of the app that is fetched when it is first shown. React's own `lazy` never asks again for what once failed. */
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

/** What could not be fetched is asked for again where it is next shown. */
export function forgetFailed(): void {
  for (const beginAnew of failed) beginAnew()
  failed.clear()
}

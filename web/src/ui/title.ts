import { useEffect } from 'react'

/** What the tab is called, and what is read out first. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · CoworkSpace`
  }, [title])
}

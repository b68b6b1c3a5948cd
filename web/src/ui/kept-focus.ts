import { type FocusEvent, type RefObject, useEffect, useRef } from 'react'

/**
 * Moves the focus to a container when the focused element inside it disappears.
 * @param whole the container, with `tabIndex={-1}`
 * @returns handlers for the container
 */
export function useKeptFocus(whole: RefObject<HTMLElement | null>) {
  const isWithin = useRef(false)
  useEffect(() => {
    if (isWithin.current && document.activeElement === document.body)
      whole.current?.focus({ preventScroll: true })
  })
  return {
    onFocus() {
      isWithin.current = true
    },
    onBlur({ relatedTarget }: FocusEvent) {
      if (relatedTarget) isWithin.current = false
    },
  }
}

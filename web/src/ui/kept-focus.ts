import { type FocusEvent, type RefObject, useEffect, useRef } from 'react'

/**
 * Keeps the focus from falling out of something: where a change takes away what had it, the whole has it then.
 * @param whole what can be focused by a program, with `tabIndex={-1}`
 * @returns what the whole is given besides
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

import { isRefused, type Reason, reasonOf } from '@coworkspace/client'
import { type ReactNode, use, useEffect, useRef, useState } from 'react'
import { useText } from '../i18n'
import { Button, Refusals } from './controls'
import { AskButton, Modal, Written } from './dialogs'
import { explain } from './states'

type FormProps = {
  /** The change that it makes: whether it is on its way, and why it was refused. */
  change: { isPending: boolean; error: unknown }
  onSubmit(): void
  action?: string
  /** What a refusal means here, where the usual words for it would mislead. */
  words?: Partial<Record<Reason, string>>
  children: ReactNode
}

/** Refusals that are about one field, wherever there is one of that name. */
const FIELD_OF: Partial<Record<Reason, string>> = {
  EMAIL_TAKEN: 'email',
  WRONG_CREDENTIALS: 'currentPassword',
}

/** The fields that a refusal is about, by their names. */
function refusedIn(error: unknown): string[] {
  if (isRefused(error, 'VALIDATION')) return (error.data.issues ?? []).map(({ path }) => path)
  const reason = reasonOf(error)
  const field = reason && FIELD_OF[reason]
  return field ? [field] : []
}

/**
 * Fields beside each other where there is room, why they were refused, and the button that sends them. What was refused is
 * said at the fields that have the name of it, and whoever uses a keyboard goes on there.
 */
export function Form({ change, onSubmit, action, words = {}, children }: FormProps) {
  const { t } = useText()
  const reason = reasonOf(change.error)
  const written = use(Written)
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    if (change.error === null) return
    const wrong = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')
    const alert = form.current?.querySelector<HTMLElement>('[role="alert"]')
    ;(wrong ?? alert)?.focus()
  }, [change.error])
  return (
    <form
      className="form-grid"
      ref={form}
      onInput={written}
      onSubmit={(event) => {
        event.preventDefault()
        onSubmit()
      }}
    >
      <Refusals value={refusedIn(change.error)}>{children}</Refusals>
      {change.error !== null && (
        <p className="error whole" role="alert" tabIndex={-1}>
          {(reason && words[reason]) ?? explain(change.error, t)}
        </p>
      )}
      <div className="actions whole">
        <Button type="submit" look="main" disabled={change.isPending}>
          {action ?? t.state.save}
        </Button>
      </div>
    </form>
  )
}

/** What a dialog edits: a thing there is, a new one, or nothing, and then it is closed. */
type Edited<T> = T | 'new' | undefined

export function useEdited<T>() {
  const [edited, setEdited] = useState<Edited<T>>()
  return {
    edited,
    add: () => setEdited('new'),
    edit: (item: T) => setEdited(item),
    done: () => setEdited(undefined),
  }
}

type EditDialogProps<T> = {
  editing: { edited: Edited<T>; done(): void }
  addTitle: string
  titleOf: (item: T) => string
  /** The form, of a thing there is or of a new one. */
  children: (item: T | undefined) => ReactNode
}

/** The one dialog with which things of a list are added and changed. */
export function EditDialog<T>({ editing, addTitle, titleOf, children }: EditDialogProps<T>) {
  const { edited, done } = editing
  const item = edited === 'new' ? undefined : edited
  return (
    <Modal open={edited !== undefined} title={item ? titleOf(item) : addTitle} onClose={done}>
      {edited !== undefined && children(item)}
    </Modal>
  )
}

type EditAndRemoveProps = {
  name: string
  /** What is asked before it is taken away. */
  title: string
  /** What becomes of it then; where nothing is said, that it is refused while somebody has booked it. */
  text?: string
  onEdit(): void
  onRemove(): Promise<unknown>
}

/** What can be done with a thing that bookings may name: it is changed, or taken out of use. */
export function EditAndRemove({ name, title, text, onEdit, onRemove }: EditAndRemoveProps) {
  const { t } = useText()
  return (
    <>
      <Button of={name} onClick={onEdit}>
        {t.state.edit}
      </Button>
      <AskButton
        of={name}
        title={title}
        text={text ?? t.operator.removeText}
        action={t.state.remove}
        onConfirm={onRemove}
      >
        {t.state.remove}
      </AskButton>
    </>
  )
}

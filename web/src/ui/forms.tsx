import { isRefused, type Reason, reasonOf } from '@coworkspace/client'
import { type ReactNode, use, useEffect, useRef, useState } from 'react'
import { useText } from '../i18n'
import { Button, Refusals } from './controls'
import { AskButton, Modal, Written } from './dialogs'
import { explain } from './states'

type FormProps = {
  change: { isPending: boolean; error: unknown }
  onSubmit(): void
  action?: string
  /** Error texts for this form, if the usual ones would mislead. */
  words?: Partial<Record<Reason, string>>
  children: ReactNode
}

/** Refusals that concern one field, by its name. */
const FIELD_OF: Partial<Record<Reason, string>> = {
  EMAIL_TAKEN: 'email',
  WRONG_CREDENTIALS: 'currentPassword',
}

/** Names of the fields that an error concerns. */
function refusedIn(error: unknown): string[] {
  if (isRefused(error, 'VALIDATION')) return (error.data.issues ?? []).map(({ path }) => path)
  const reason = reasonOf(error)
  const field = reason && FIELD_OF[reason]
  return field ? [field] : []
}

/** A form grid with its error and submit button. Rejected fields are marked, and the first one receives the focus. */
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

/** The edited item, a new one, or undefined if the dialog is closed. */
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
  children: (item: T | undefined) => ReactNode
}

/** A dialog to add and edit the items of a list. */
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
  /** Title of the confirmation. */
  title: string
  /** Consequence of the removal; by default, that it is refused while there are bookings. */
  text?: string
  onEdit(): void
  onRemove(): Promise<unknown>
}

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

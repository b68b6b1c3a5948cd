import { AlertDialog } from '@base-ui/react/alert-dialog'
import { Dialog } from '@base-ui/react/dialog'
import { type ComponentProps, createContext, type ReactNode, useEffect, useRef, useState } from 'react'
import { useText } from '../i18n'
import { Button } from './controls'

type ConfirmProps = {
  open: boolean
  title: string
  text: string
  action: string
  /** `danger` by default. */
  look?: ComponentProps<typeof Button>['look']
  busy?: boolean
  /** Focus after closing; by default the element that opened it. */
  finalFocus?: ComponentProps<typeof AlertDialog.Popup>['finalFocus']
  onConfirm(): void
  onClose(): void
}

export function Confirm({
  open,
  title,
  text,
  action,
  look = 'danger',
  busy,
  finalFocus,
  onConfirm,
  onClose,
}: ConfirmProps) {
  const { t } = useText()
  return (
    <AlertDialog.Root open={open} onOpenChange={(now) => !now && onClose()}>
      <AlertDialog.Portal>
        {/* Also above another dialog. */}
        <AlertDialog.Backdrop className="backdrop" forceRender />
        <AlertDialog.Popup className="dialog" finalFocus={finalFocus}>
          <AlertDialog.Title>{title}</AlertDialog.Title>
          <AlertDialog.Description>{text}</AlertDialog.Description>
          <div className="actions">
            <AlertDialog.Close render={<Button look="quiet">{t.state.cancel}</Button>} />
            <Button look={look} disabled={busy} onClick={onConfirm}>
              {action}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}

type AskButtonProps = ComponentProps<typeof Button> & {
  title: string
  text: string
  action: string
  /** Closes when it settles. The mutation shows its own error. */
  onConfirm(): Promise<unknown>
}

/** A button that asks for confirmation. */
export function AskButton({ title, text, action, onConfirm, ...button }: AskButtonProps) {
  const [isOpen, setOpen] = useState(false)
  const [isBusy, setBusy] = useState(false)
  async function confirm() {
    setBusy(true)
    await onConfirm().catch(() => undefined)
    setBusy(false)
    setOpen(false)
  }
  return (
    <>
      <Button look="quiet" {...button} onClick={() => setOpen(true)} />
      <Confirm
        open={isOpen}
        title={title}
        text={text}
        action={action}
        busy={isBusy}
        onConfirm={() => void confirm()}
        onClose={() => setOpen(false)}
      />
    </>
  )
}

/** A form in the dialog calls it on input; closing then asks for confirmation. */
export const Written = createContext<() => void>(() => {})

type ModalProps = {
  open: boolean
  title: string
  /** Focus after closing; by default the element that opened it. */
  finalFocus?: ComponentProps<typeof Dialog.Popup>['finalFocus']
  onClose(): void
  children: ReactNode
}

export function Modal({ open, title, finalFocus, onClose, children }: ModalProps) {
  const { t } = useText()
  const isWritten = useRef(false)
  const [isAsking, setAsking] = useState(false)
  useEffect(() => {
    if (!open) isWritten.current = false
  }, [open])
  const close = () => (isWritten.current ? setAsking(true) : onClose())
  return (
    <Dialog.Root open={open} onOpenChange={(now) => !now && close()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog wide" finalFocus={finalFocus}>
          <div className="row spread">
            <Dialog.Title>{title}</Dialog.Title>
            <Dialog.Close render={<Button look="quiet">{t.state.close}</Button>} />
          </div>
          <Written value={() => (isWritten.current = true)}>{children}</Written>
          <Confirm
            open={isAsking}
            title={t.state.unsaved}
            text={t.state.unsavedText}
            action={t.state.discard}
            onConfirm={() => {
              setAsking(false)
              onClose()
            }}
            onClose={() => setAsking(false)}
          />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

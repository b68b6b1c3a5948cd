import { AlertDialog } from '@base-ui/react/alert-dialog'
import { Dialog } from '@base-ui/react/dialog'
import type { ReactNode } from 'react'
import { useText } from '../i18n'
import { Button } from './controls'

type ConfirmProps = {
  open: boolean
  title: string
  text: string
  action: string
  busy?: boolean
  onConfirm(): void
  onClose(): void
}

/** Asks before something that is not undone. */
export function Confirm({ open, title, text, action, busy, onConfirm, onClose }: ConfirmProps) {
  const { t } = useText()
  return (
    <AlertDialog.Root open={open} onOpenChange={(now) => !now && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="backdrop" />
        <AlertDialog.Popup className="dialog">
          <AlertDialog.Title>{title}</AlertDialog.Title>
          <AlertDialog.Description>{text}</AlertDialog.Description>
          <div className="actions">
            <AlertDialog.Close render={<Button look="quiet">{t.state.cancel}</Button>} />
            <Button look="danger" disabled={busy} onClick={onConfirm}>
              {action}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}

type ModalProps = { open: boolean; title: string; onClose(): void; children: ReactNode }

export function Modal({ open, title, onClose, children }: ModalProps) {
  const { t } = useText()
  return (
    <Dialog.Root open={open} onOpenChange={(now) => !now && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog wide">
          <div className="row spread">
            <Dialog.Title>{title}</Dialog.Title>
            <Dialog.Close render={<Button look="quiet">{t.state.close}</Button>} />
          </div>
          {children}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

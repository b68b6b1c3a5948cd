import { Toast } from '@base-ui/react/toast'
import type { ReactNode } from 'react'
import { useText } from '../i18n'

const manager = Toast.createToastManager()

/** Shows a toast for five seconds. Screen readers announce it. */
export const say = (text: string): void => {
  manager.add({ title: text, timeout: 5000 })
}

/** Shows a toast until it is closed. */
export const announce = (text: string): void => {
  manager.add({ title: text, timeout: 0, priority: 'high' })
}

export function Toasts({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider toastManager={manager}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="toasts">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  )
}

function ToastList() {
  const { t } = useText()
  const { toasts } = Toast.useToastManager()
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className="toast">
      <Toast.Content className="row spread">
        <Toast.Title render={<p />} />
        <Toast.Close className="button quiet" aria-label={t.state.close}>
          ✕
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ))
}

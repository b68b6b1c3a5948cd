import { useText } from '../i18n'
import { TextField } from '../ui/controls'

type FieldProps = {
  value: string
  onChange(value: string): void
  className?: string
  /** True unless said. */
  required?: boolean
}

/** What one signs in with; browsers know it by its name for them. */
export function EmailField(props: FieldProps) {
  const { t } = useText()
  return (
    <TextField label={t.auth.email} name="email" type="email" autoComplete="username" required {...props} />
  )
}

/** A password that is chosen now. */
export function NewPasswordField(props: FieldProps) {
  const { t } = useText()
  return (
    <TextField
      label={t.auth.newPassword}
      name="password"
      type="password"
      autoComplete="new-password"
      hint={t.auth.passwordHint}
      minLength={8}
      required
      {...props}
    />
  )
}

import { useText } from '../i18n'
import { TextField } from '../ui/controls'

type FieldProps = {
  value: string
  onChange(value: string): void
  className?: string
  /** True by default. */
  required?: boolean
}

export function EmailField(props: FieldProps) {
  const { t } = useText()
  return (
    <TextField label={t.auth.email} name="email" type="email" autoComplete="username" required {...props} />
  )
}

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

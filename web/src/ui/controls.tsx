import { Button as BaseButton } from '@base-ui/react/button'
import { Checkbox } from '@base-ui/react/checkbox'
import { Field } from '@base-ui/react/field'
import { Select } from '@base-ui/react/select'
import { type ComponentProps, createContext, use } from 'react'
import { useText } from '../i18n'

type ButtonProps = ComponentProps<'button'> & {
  look?: 'main' | 'quiet' | 'danger' | 'plain'
  /** The subject of the button, for screen readers. */
  of?: string
}

export function Button({
  look = 'plain',
  className = '',
  type = 'button',
  of,
  children,
  ...rest
}: ButtonProps) {
  return (
    <BaseButton type={type} className={`button ${look} ${className}`} {...rest}>
      {children}
      {of && <span className="unseen"> {of}</span>}
    </BaseButton>
  )
}

type TextFieldProps = Omit<ComponentProps<'input'>, 'onChange' | 'value'> & {
  label: string
  hint?: string
  error?: string | undefined
  value: string
  onChange(value: string): void
}

/** Names of the rejected fields of the form. */
export const Refusals = createContext<string[]>([])
export const useIsRefused = (name: string | undefined): boolean =>
  use(Refusals).some((refused) => refused === name)

/** A labelled text input. Its error is announced with it. */
export function TextField({
  label,
  hint,
  error: given,
  value,
  onChange,
  className = '',
  ...rest
}: TextFieldProps) {
  const { t } = useText()
  const isRefused = useIsRefused(rest.name)
  const error = given ?? (isRefused ? t.state.doesNotFit : undefined)
  return (
    <Field.Root className={`field ${className}`} invalid={error !== undefined}>
      <Field.Label>{label}</Field.Label>
      <Field.Control value={value} onValueChange={onChange} {...rest} />
      {hint && <Field.Description>{hint}</Field.Description>}
      {error && (
        <Field.Error match className="error">
          {error}
        </Field.Error>
      )}
    </Field.Root>
  )
}

type TextAreaProps = Omit<ComponentProps<'textarea'>, 'onChange' | 'value'> & {
  label: string
  value: string
  onChange(value: string): void
}

export function TextArea({ label, value, onChange, ...rest }: TextAreaProps) {
  const { t } = useText()
  const isRefused = useIsRefused(rest.name)
  return (
    <Field.Root className="field whole" invalid={isRefused}>
      <Field.Label>{label}</Field.Label>
      <Field.Control value={value} onValueChange={onChange} render={<textarea rows={4} {...rest} />} />
      {isRefused && (
        <Field.Error match className="error">
          {t.state.doesNotFit}
        </Field.Error>
      )}
    </Field.Root>
  )
}

type CheckProps = { label: string; hint?: string; checked: boolean; onChange(checked: boolean): void }

export function Check({ label, hint, checked, onChange }: CheckProps) {
  return (
    <Field.Root className="field check">
      <Field.Label>
        <Checkbox.Root className="box" checked={checked} onCheckedChange={onChange}>
          <Checkbox.Indicator>✓</Checkbox.Indicator>
        </Checkbox.Root>
        {label}
      </Field.Label>
      {hint && <Field.Description>{hint}</Field.Description>}
    </Field.Root>
  )
}

type ChoiceProps<T extends string> = {
  label: string
  value: T
  options: { value: T; label: string }[]
  onChange(value: T): void
  /** Shows the label only to screen readers. */
  quiet?: boolean
}

/** Options from a record of labels. */
export const optionsOf = <T extends string>(words: Record<T, string>) =>
  (Object.entries(words) as [T, string][]).map(([value, label]) => ({ value, label }))

export function Choice<T extends string>({ label, value, options, onChange, quiet }: ChoiceProps<T>) {
  return (
    <div className="field">
      <Select.Root
        items={options}
        value={value}
        modal={false}
        onValueChange={(chosen) => chosen !== null && onChange(chosen)}
      >
        <Select.Label className={quiet ? 'unseen' : 'label'}>{label}</Select.Label>
        <Select.Trigger className="select">
          <Select.Value />
          <Select.Icon className="chevron">▾</Select.Icon>
        </Select.Trigger>
        <Select.Portal>
          <Select.Positioner className="positioner" sideOffset={4} alignItemWithTrigger={false}>
            <Select.Popup className="popup">
              <Select.List>
                {options.map((option) => (
                  <Select.Item key={option.value} value={option.value} className="option">
                    <Select.ItemText>{option.label}</Select.ItemText>
                    <Select.ItemIndicator>✓</Select.ItemIndicator>
                  </Select.Item>
                ))}
              </Select.List>
            </Select.Popup>
          </Select.Positioner>
        </Select.Portal>
      </Select.Root>
    </div>
  )
}

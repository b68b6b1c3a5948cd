import { TextField } from './controls'

/** An address that is shown this once, to be copied; nothing until it is made. */
export function SecretAddress({ label, url }: { label: string; url: string | undefined }) {
  if (url === undefined) return null
  return <TextField label={label} value={new URL(url, location.origin).href} readOnly onChange={() => {}} />
}

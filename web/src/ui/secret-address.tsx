import { TextField } from './controls'

/** An address to copy that is shown once; nothing before it is created. */
export function SecretAddress({ label, url }: { label: string; url: string | undefined }) {
  if (url === undefined) return null
  return <TextField label={label} value={new URL(url, location.origin).href} readOnly onChange={() => {}} />
}

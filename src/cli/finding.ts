/** `off` means not configured and not required. */
export type Finding = { state: 'ok' | 'off' | 'warning' | 'broken'; says: string; todo?: string }

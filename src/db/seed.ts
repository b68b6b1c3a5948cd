import type { Deps } from '../context'
export async function seedDatabase(_deps: Deps): Promise<void> {}

import { bookAndWatch } from './book.js'

console.log(JSON.stringify(await bookAndWatch(...process.argv.slice(2))))

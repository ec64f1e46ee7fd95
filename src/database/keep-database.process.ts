import { readSettings } from '../config/read-settings.js';
import { provideDatabase } from './provide-database.js';

/** Tells its parent where the database is and keeps it there for as long as the parent lives. */
const database = await provideDatabase(readSettings('migrate'), 'script');
process.send?.(database.config.databaseDirectUrl);
process.once('disconnect', () => void database.stop().then(() => process.exit(0)));

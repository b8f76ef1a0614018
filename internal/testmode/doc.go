// Package testmode is what people's tests do to a server of "larder dev" that no
// client of AWS can: put rules in force by which operations and resources fail,
// take time or hang; move the clock; reset everything, keep it and bring it
// back; and see which operations were called.
//
// Everything of it is JSON beneath /_larder/, as docs/testing.md describes it.
// Rules and the clock are settings of the database: they outlive the process,
// and are part of what is kept and brought back. Calls and what was kept lie in
// memory.
//
// It stands beside the server, above the rooms whose rows it replaces, and is
// told what it needs of those by functions: it knows no operation by name.
package testmode

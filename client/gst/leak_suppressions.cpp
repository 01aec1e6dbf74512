// In builds with AddressSanitizer only: what its leak checker must not blame on us. GLib leaves old
// tables of names behind on purpose, since readers take no lock; x265 does not free all it had, nor
// does libdbus, which SDL asks for the desktop.
// What goes through g_malloc cannot be told apart, so the clients' leaks are found where they are
// of C++.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libglib-2.0.so\nleak:libx265.so\nleak:libdbus-1.so\n";
}

// What a program says on its standard error is ours alone.
extern "C" const char* __lsan_default_options();
extern "C" const char* __lsan_default_options() { return "print_suppressions=0"; }

// Nothing is unloaded: what libX11 points at until the process ends would count as lost, and nobody
// could say any more whose it was, once SDL has closed the library.
extern "C" int dlclose(void* library);
extern "C" int dlclose(void*) { return 0; }

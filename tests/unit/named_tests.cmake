add_test(NAME named_tests COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/tests/unit/named_tests_test.py)
set_tests_properties(named_tests PROPERTIES TIMEOUT 60)

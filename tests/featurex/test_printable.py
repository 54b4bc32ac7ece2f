from featurex.printable import printable


def test_what_is_not_printable_is_escaped():
    assert printable("two\nlines\x1b.jpg") == r"two\nlines\x1b.jpg"
    assert printable("größe 2.jpg") == "größe 2.jpg"

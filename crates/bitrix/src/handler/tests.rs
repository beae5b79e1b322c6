use super::{HandlerError, check};

#[test]
fn handler_urls_as_the_server_judges_them() {
    use HandlerError::{UnsupportedProtocol, WrongUrl};
    let cases = [
        (
            Err(WrongUrl),
            "http://localhost/x https://[::1]/x a.b/x https://.b/x https:///x https:// https:x http:a.b/x :80 / ?",
        ),
        (
            Err(WrongUrl),
            "https://a.b:65536/x https://a.b:x/ https://a.b:123456/ https://u@localhost:80/x.y mailto:a@b.c",
        ),
        (
            Err(UnsupportedProtocol),
            "//a.b/x ftp://a.b/ HTTPS://a.b/x a.b:80/x //a.b:80",
        ),
        (
            Ok(()),
            "https://127.0.0.1:8080/x https://user:p@a.b:99/x?y=1#z https://пример.рф/x https://a. http://a.b",
        ),
        (
            Ok(()),
            "https://a.b: https://a.b?x:y@z https://a..b https://[::ffff:1.2.3.4]/x",
        ),
    ];
    for (expected, urls) in cases {
        for url in urls.split(' ') {
            assert_eq!(check(url), expected, "{url}");
        }
    }
    assert_eq!(check(""), Err(WrongUrl));
}

#[test]
fn length_is_counted_in_characters() {
    let url = |length: usize| format!("https://a.b/{}", "я".repeat(length - 12));
    assert_eq!(check(&url(1000)), Ok(()));
    assert_eq!(check(&url(1001)), Err(HandlerError::TooLong));
}

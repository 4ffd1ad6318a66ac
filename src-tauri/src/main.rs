//! Starts the window. `quarterdeck --stack FILE` opens a platform, `quarterdeck --drill SCENARIO`
//! the simulated one.

fn main() {
    quarterdeck::run(std::env::args().skip(1));
}
